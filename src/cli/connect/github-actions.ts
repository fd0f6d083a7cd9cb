/** Tokens of a GitHub Actions job. */
import { z } from 'zod';
import { SnowfenceError } from '../../config/problem.js';
import { checkAddress, fetchHere, protectedResource } from './gateway-trust.js';
import { checkAudience } from './provider.js';
import { cached, type TokenOptions, type TokenSource } from './source.js';

const githubAnswer = z.object({ value: z.string() });

/** https://docs.github.com/actions/security-for-github-actions: the job's own OIDC token, for our audience. */
export function githubActions(options: TokenOptions): TokenSource {
  return cached(async () => {
    const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token } = process.env;
    if (!url || !token)
      throw new SnowfenceError(
        'NOT_IN_ACTIONS',
        'This is no GitHub Actions job that may ask for an identity token.',
        'Give the job "permissions: id-token: write".',
      );
    const { resource } = await protectedResource(options.url);
    const address = new URL(url);
    checkAddress(address, 'The address of GitHub’s identity tokens');
    address.searchParams.set('audience', resource);
    const response = await fetchHere(address, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(10_000),
    });
    if (!response.ok)
      throw new SnowfenceError(
        'TOKEN_NOT_GIVEN',
        `GitHub gives no identity token (status ${response.status}).`,
        undefined,
        1,
      );
    const { value } = githubAnswer.parse(await response.json());
    checkAudience(value, resource, undefined);
    return { token: value, lifetimeMs: 5 * 60_000 };
  });
}
