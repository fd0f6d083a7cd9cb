#!/usr/bin/env node
/**
 * The command line: a table of commands, which stand in `commands/` with their options. What a command does is loaded once it is chosen,
 * and nothing else: `serve` never loads what only the demo uses. Nothing here judges or hides; other rooms are asked.
 */
import { Command } from 'commander';
import { VERSION } from '../config/version.js';
import { approvalsCommand } from './commands/approvals.js';
import { connectCommand, promptCommand } from './commands/connect.js';
import { demoCommand } from './commands/demo.js';
import { doctorCommand } from './commands/doctor.js';
import { keysCommand } from './commands/keys.js';
import { policyCommand } from './commands/policy.js';
import { reconcileCommand } from './commands/reconcile.js';
import { retentionCommand } from './commands/retention.js';
import { serveCommand } from './commands/serve.js';
import { sessionsCommand } from './commands/sessions.js';
import { storeCommand } from './commands/store.js';
import { verifyCommand } from './commands/verify.js';
import { webhooksCommand } from './commands/webhooks.js';
import { fail } from './io/failure.js';
import { answerInJson } from './io/output.js';

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

const program = new Command('snowfence')
  .description('A governed gateway between AI agents and Snowflake.')
  .version(VERSION)
  .option('--verbose', 'show what happens, and stack traces of errors')
  .showHelpAfterError('(--help shows what there is)')
  .exitOverride()
  .hook('preAction', (_program, command) => answerInJson(command.opts()['json'] === true));
for (const [name, about, define] of COMMANDS) define(program.command(name).description(about));

try {
  await program.parseAsync();
} catch (error) {
  fail(error, program.opts()['verbose'] === true);
}
