/** `snowfence doctor`: tries each part that `serve` needs, and says what to mend. */
import { createServer } from 'node:net';
import { type Config, loadConfig } from '../../config/index.js';
import { because, SnowfenceError, systemWords } from '../../config/problem.js';
import { TokenVerifier } from '../../identity/index.js';
import { loadPolicies, PolicyProblems, type PolicySet } from '../../policy/index.js';
import { checkCheckpoints } from './checkpoints.js';
import { type Finding, messageOf, ok, problem, warning } from './finding.js';
import { checkTranscript } from './transcript.js';
import { checkWarehouse } from './warehouse.js';

async function checkListen(config: Config): Promise<Finding> {
  const { host, port } = config.listen;
  try {
    await new Promise<void>((resolve, reject) => {
      const probe = createServer();
      probe.once('error', reject);
      probe.listen(port, host, () => probe.close(() => resolve()));
    });
    return ok('server', `${host}:${port} is free`);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EADDRINUSE')
      return warning(
        'server',
        `${host}:${port} is taken`,
        'Fine if snowfence itself is running there; otherwise choose another port under server.listen.',
      );
    return problem(
      'server',
      `can not listen on ${host}:${port}${because(error)}`,
      'Name an address of this machine under server.listen.',
    );
  }
}

async function checkPolicies(config: Config): Promise<{ finding: Finding; set: PolicySet | undefined }> {
  try {
    const set = await loadPolicies(
      config.policies,
      config.issuers.map(({ issuer }) => issuer),
    );
    if (set.policies.length === 0)
      return {
        finding: problem(
          'policies',
          `${config.policies} holds no policy`,
          'Put at least one .yaml file there: without one everything is denied.',
        ),
        set,
      };
    return { finding: ok('policies', `${set.policies.length} in ${config.policies}, version ${set.version}`), set };
  } catch (error) {
    if (error instanceof PolicyProblems)
      return { finding: problem('policies', messageOf(error), 'Mend the lines named.'), set: undefined };
    return {
      finding: problem(
        'policies',
        `${config.policies} can not be read${systemWords(error) === undefined ? `: ${messageOf(error)}` : because(error)}`,
        'Check "policies" in the configuration.',
      ),
      set: undefined,
    };
  }
}

async function checkIdentity(config: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { issuer, problem: wrong } of await new TokenVerifier(config.issuers).check()) {
    findings.push(
      wrong === undefined
        ? ok('identity', `${issuer} is discovered and names its keys`)
        : problem(
            'identity',
            `${issuer}: ${wrong}`,
            `Open ${issuer.replace(/\/$/, '')}/.well-known/openid-configuration from this machine; the issuer has to be spelled as it says there.`,
          ),
    );
  }
  if (config.console && !config.console.scopes.includes('email'))
    findings.push(
      warning(
        'identity',
        'people sign in without their mail address, so nobody can tell whether two accounts are one person: no yes of theirs counts where several people have to agree, or where an agent is known by a mail address',
        'Add email to console.scopes, and have the identity provider give it.',
      ),
    );
  for (const { issuer, audience } of config.issuers)
    if (audience !== config.publicUrl.href && audience !== config.publicUrl.href.replace(/\/$/, ''))
      findings.push(
        warning(
          'identity',
          `the audience ${audience} of ${issuer} is not the public URL ${config.publicUrl.href}`,
          'MCP clients ask for tokens for the public URL (RFC 8707). Set audience to it, unless your tokens are issued otherwise.',
        ),
      );
  return findings;
}

/** All that was tried, whatever failed before it. */
export async function diagnose(file: string): Promise<readonly Finding[]> {
  let config: Config;
  try {
    config = await loadConfig(file);
  } catch (error) {
    if (error instanceof SnowfenceError)
      return [problem('configuration', error.message, error.hint ?? 'Mend the lines named.')];
    throw error;
  }
  const { finding, set } = await checkPolicies(config);
  const rest = await Promise.all([
    checkIdentity(config),
    checkTranscript(config),
    checkCheckpoints(config),
    checkWarehouse(config, set),
  ]);
  return [ok('configuration', `${config.file} is sound`), await checkListen(config), finding, ...rest.flat()];
}
