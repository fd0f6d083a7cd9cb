/** The table of commands: what `snowfence` can be asked for. */
import { Command } from 'commander';
import { VERSION } from '../../config/version.js';
import { answerInJson } from '../io/output.js';
import { approvalsCommand } from './approvals.js';
import { connectCommand, promptCommand } from './connect.js';
import { demoCommand } from './demo.js';
import { doctorCommand } from './doctor.js';
import { keysCommand } from './keys.js';
import { policyCommand } from './policy.js';
import { reconcileCommand } from './reconcile.js';
import { retentionCommand } from './retention.js';
import { serveCommand } from './serve.js';
import { sessionsCommand } from './sessions.js';
import { storeCommand } from './store.js';
import { verifyCommand } from './verify.js';
import { webhooksCommand } from './webhooks.js';

/** Each command, what --help says of it, and what gives it its options and what it does, in the order of --help. */
const COMMANDS: readonly (readonly [name: string, about: string, define: (command: Command) => void])[] = [
  ['demo', 'the whole system on this machine, with nothing to install or configure', demoCommand],
  ['serve', 'the gateway in production, over HTTP', serveCommand],
  ['connect', 'a bridge from a stdio client to a gateway elsewhere', connectCommand],
  ['prompt', 'tell a gateway what a person typed: for the hook of a client', promptCommand],
  ['doctor', 'check configuration, policies, identity provider, store and warehouse', doctorCommand],
  ['policy', 'policies', policyCommand],
  ['store', 'the transcript’s store in PostgreSQL', storeCommand],
  ['keys', 'the keys that sign and encrypt the record', keysCommand],
  ['retention', 'how long the record stays', retentionCommand],
  ['webhooks', 'delivery of the record to other systems', webhooksCommand],
  ['reconcile', 'hold the transcript against the warehouse’s own history', reconcileCommand],
  ['verify', 'prove that the transcript is whole, or name the first broken place', verifyCommand],
  ['sessions', 'transcripts', sessionsCommand],
  ['approvals', 'statements that wait for a person', approvalsCommand],
];

/** The command line, ready to be given its arguments. */
export function commandLine(): Command {
  const program = new Command('snowfence')
    .description('A governed gateway between AI agents and Snowflake.')
    .version(VERSION)
    .option('--verbose', 'show what happens, and stack traces of errors')
    .showHelpAfterError('(--help shows what there is)')
    .exitOverride()
    .hook('preAction', (_program, command) => answerInJson(command.opts()['json'] === true));
  for (const [name, about, define] of COMMANDS) define(program.command(name).description(about));
  return program;
}
