/** The console, put together of what the process has. */
import type { Config } from '../../config/index.js';
import { VERSION } from '../../config/version.js';
import { Console } from '../../console/index.js';
import { previewOf, recordMask } from '../../gateway/index.js';
import { SignIn } from '../../identity/index.js';
import { heldWords } from '../../policy/index.js';
import { Overview, retryDead } from '../../transcript/index.js';
import type { Logger } from '../report/log.js';
import { payloadFor } from '../report/notify.js';
import type { Runtime } from '../runtime/runtime.js';

export function makeConsole(config: Config, runtime: Runtime, log: Logger): Console {
  const { console: given, publicUrl } = config;
  const { gateway, approvals, transcript, policies, verifier } = runtime;
  const masked = previewOf(recordMask(policies.current));
  return new Console({
    isBehindProxy: config.isBehindProxy,
    gateway,
    approvals,
    transcript,
    overview: new Overview(transcript.readPool),
    policies: () => {
      const held = policies.held();
      return { set: policies.current(), problem: policies.problem(), held: held && heldWords(held) };
    },
    webhooks: config.webhooks,
    webhookProblem: (name) => runtime.delivery.problemOf(name),
    retryDead: async (name) => {
      const webhook = config.webhooks.find((entry) => entry.name === name);
      return (
        webhook &&
        retryDead(
          transcript,
          webhook,
          payloadFor(config, approvals, masked, () => policies.current().version),
        )
      );
    },
    masked,
    version: VERSION,
    publicUrl,
    facts: {
      mcpUrl: publicUrl.href,
      sseUrl: new URL('/sse', publicUrl).href,
      issuers: verifier.issuers,
      version: VERSION,
    },
    signIn: given && new SignIn({ ...given, redirectUri: new URL('/console/callback', publicUrl) }),
    refused: runtime.signInRefused,
    people: {
      lifetimeMs: given?.sessionMs ?? 0,
      idleMs: given?.idleMs ?? 0,
      roles: {
        reviewer: given?.reviewers ?? [],
        auditor: config.auditors,
        administrator: given?.administrators ?? [],
      },
    },
    log,
  });
}
