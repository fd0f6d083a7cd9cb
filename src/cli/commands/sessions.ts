/** `snowfence sessions …`: transcripts, shown, searched, played and exported. */
import { type Command, Option } from 'commander';
import { styleFor } from '../../terminal/index.js';
import { withStore } from '../io/configured.js';
import { configOption, jsonOption, positiveOption, wholeOption } from '../io/options.js';
import { complain, say } from '../io/output.js';

const SEARCH_TERMS = `
Terms have all to hold; a minus before one turns it round, and where the first
has one, -- stands before it: sessions search -- -is:explain. Words are looked
for in statements, purposes and what people typed, where clients report it.
  agent: client: group:            who
  table: column: masked: kind:     what, by any end of its name
  verdict:                         allowed, denied, asked
  state: code: rule: policy:       what became of it, and by which rule
  after: before:                   2026-11-01, "2026-11-01 13:30" (UTC), or so
                                   long ago: 7d, 12h
  duration: rows: bytes:           duration:>10s rows:>=1000 bytes:>1GB
  text: purpose: prompt:           a pattern with * and ?, or a regular
                                   expression between slashes
  repository: commit: pr: run:     of the job in CI
  session: statement: fingerprint: is:explain is:reported
Statements alone are found: of what a person typed the first 2,000 characters,
by the statements that it was tied to. Prompts that no statement followed, and
all of long ones: snowfence sessions show, snowfence sessions export.`;

export function sessionsCommand(sessions: Command): void {
  sessions
    .command('list')
    .description('the newest sessions')
    .addOption(configOption())
    .option('--agent <name>', 'of this subject or client only')
    .option('--all', 'the gateway’s own and those of operators, too')
    .addOption(wholeOption('--limit <number>', 'so many at most', 1, 1000).default(50))
    .option('--after <id>', 'those that began before this one: the next page')
    .addOption(jsonOption())
    .action(async (options) => {
      const { listSessions } = await import('../record/sessions.js');
      const { agent, limit, after, all, json } = options;
      say(
        await withStore(options.config, ({ store }) =>
          listSessions(store, { agent, limit, after, all: all === true, json: json === true }),
        ),
      );
    });
  sessions
    .command('show')
    .description('what happened in a session')
    .argument('<id>', 'its id, or the beginning of it')
    .addOption(configOption())
    .option('--whole', 'with personal data and secrets that agents wrote; for auditors, whose look is recorded')
    .option('--token-env <name>', 'with --whole: the variable that holds your access token', 'SNOWFENCE_TOKEN')
    .addOption(jsonOption())
    .action(async (id: string, options) => {
      const { showSession } = await import('../record/sessions.js');
      await withStore(options.config, async ({ config, store }) => {
        const { auditorOf } = await import('../access/auditor.js');
        const auditor = options.whole ? await auditorOf(config, process.env[options.tokenEnv]) : undefined;
        await showSession(store, id, options.json === true, auditor, say);
      });
    });
  sessions
    .command('search')
    .description('statements, newest first')
    .argument('<terms...>', 'such as agent:sales-bot table:CUSTOMERS verdict:denied after:2026-11-01 \'"card number"\'')
    .addOption(configOption())
    .addOption(wholeOption('--limit <number>', 'so many at most', 1, 1000).default(50))
    .option('--cursor <cursor>', 'of the page before, as it names it: the next page')
    .addOption(jsonOption())
    .addHelpText('after', SEARCH_TERMS)
    .configureOutput({
      // A term that begins with a minus is no option that somebody mistyped.
      outputError: (text, write) =>
        write(
          /unknown option '-[^-]/.test(text)
            ? `${text}A term that begins with a minus stands behind --, and options before that: sessions search -- -is:explain\n`
            : text,
        ),
    })
    .action(async (terms: string[], options) => {
      const { searchStatements } = await import('../record/sessions.js');
      say(
        await withStore(options.config, ({ store }) =>
          searchStatements(store, terms.join(' '), {
            limit: options.limit,
            cursor: options.cursor,
            json: options.json === true,
          }),
        ),
      );
    });
  sessions
    .command('replay')
    .description('play a session again')
    .argument('<id>', 'its id, or the beginning of it')
    .addOption(configOption())
    .addOption(positiveOption('--speed <number>', '2 is twice as fast').default(1))
    .addOption(positiveOption('--max-pause <seconds>', 'pauses are cut to so many seconds').default(2))
    .option('--step', 'one key for each step')
    .action(async (id: string, options) => {
      const { replaySession } = await import('../record/sessions.js');
      await withStore(options.config, ({ store }) =>
        replaySession(
          store,
          id,
          { speed: options.speed, maxPauseMs: options.maxPause * 1000, step: options.step === true },
          styleFor(process.stdout),
        ),
      );
    });
  sessions
    .command('export')
    .description('transcripts for other tools; the export is recorded')
    .argument('[ids...]', 'sessions; everything if none is named')
    .addOption(configOption())
    .addOption(
      new Option(
        '--format <format>',
        'jsonl: complete, verifiable; ocsf: for a SIEM; asciicast: one session, for asciinema',
      )
        .choices(['jsonl', 'ocsf', 'asciicast'])
        .default('jsonl'),
    )
    .option('--out <file>', 'instead of standard output')
    .option('--follow', 'go on with what comes, until stopped')
    .addOption(wholeOption('--after <number>', 'with --follow: from after the event of this number on', 0).default(0))
    .addOption(positiveOption('--speed <number>', 'of an asciicast: 2 is twice as fast').default(1))
    .addOption(positiveOption('--max-pause <seconds>', 'of an asciicast: pauses are cut to so many seconds').default(2))
    .action(async (typed: string[], options) => {
      const [{ archivedOf, exportSessions }, { wholeId }] = await Promise.all([
        import('../record/export.js'),
        import('../access/ids.js'),
      ]);
      const written = await withStore(options.config, async ({ store }) => {
        const ids = await Promise.all(typed.map((id) => wholeId(store, 'session', id)));
        for (const words of await archivedOf(store, ids)) complain(words);
        return exportSessions(store, {
          sessions: ids,
          format: options.format,
          out: options.out,
          follow: options.follow === true,
          after: BigInt(options.after),
          speed: options.speed,
          maxPauseMs: options.maxPause * 1000,
        });
      });
      complain(`${written} ${options.format === 'asciicast' ? 'frames' : 'events'} written.`);
    });
}
