#!/usr/bin/env node
/** The command line. Commands load what they need and nothing else: `serve` never loads what only the demo uses. */
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { Config } from '../config/index.js';
import { SnowfenceError } from '../config/problem.js';
import { VERSION } from '../config/version.js';
import { PolicyProblems } from '../policy/rules/problems.js';
import { columnsOf, folded, outputText, progressLine, styleFor, terminalText } from '../terminal/index.js';

/** Whether what the command says is JSON: its --json says so, or that it has no other form. */
let saysJson = false;
const say = (text: string): void =>
  void process.stdout.write(
    saysJson ? `${outputText(text, true)}\n` : `${folded(outputText(text, false), columnsOf(process.stdout))}\n`,
  );
const complain = (text: string): void => void process.stderr.write(`${terminalText(text)}\n`);

function whole(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(`It has to be a whole number from ${least} to ${most}.`);
    return value;
  };
}

const collect = (value: string, list: readonly string[]): readonly string[] => [...list, value];

const program = new Command('snowfence')
  .description('A governed gateway between AI agents and Snowflake.')
  .version(VERSION)
  .option('--verbose', 'show what happens, and stack traces of errors')
  .showHelpAfterError('(--help shows what there is)')
  .exitOverride()
  .hook('preAction', (_program, command) => {
    saysJson = command.opts()['json'] === true;
  });

const configOption = () =>
  new Option('--config <file>', 'the configuration file').env('SNOWFENCE_CONFIG').default('snowfence.yaml');
const jsonOption = () => new Option('--json', 'answer in JSON');

/** Before anything else is loaded: a fault in it is told at once. */
const configOf = async (file: string): Promise<Config> => (await import('../config/index.js')).loadConfig(file);

program
  .command('demo')
  .description('the whole system on this machine, with nothing to install or configure')
  .option('--port <number>', 'of the gateway; 0 picks one that is free', whole(0, 65_535), 8787)
  .option('--data <folder>', 'keep the data there between runs')
  .option(
    '--seed <file>',
    "data in DuckDB's SQL instead of the built-in; may be given again",
    collect,
    [] as readonly string[],
  )
  .option('--policies <folder>', 'policies instead of the built-in')
  .option('--ready-file <file>', 'written once everything answers: addresses, tokens, process ids')
  .option('--no-tour', 'no tour on a terminal')
  .option('--warehouse-latency <ms>', 'added to each query of the embedded warehouse', whole(0, 60_000), 0)
  .addOption(jsonOption())
  .action(async (options) => {
    const { runDemo } = await import('../demo/index.js');
    await runDemo(
      {
        port: options.port,
        data: options.data,
        seeds: options.seed,
        policies: options.policies,
        readyFile: options.readyFile,
        tour: options.tour,
        latencyMs: options.warehouseLatency,
        verbose: program.opts()['verbose'] === true,
      },
      options.json === true,
    );
  });

program
  .command('serve')
  .description('the gateway in production, over HTTP')
  .addOption(configOption())
  .option('--stdio', 'serve the one client that started this process, over standard input and output')
  .option('--token-env <name>', 'with --stdio: the variable that holds the client’s access token')
  .option('--token-file <file>', 'with --stdio: the file that holds it')
  .action(async (options) => {
    const config = await configOf(options.config);
    const { serveHttp, serveOnStdio } = await import('../server/index.js');
    await (options.stdio === true
      ? serveOnStdio(config, { env: options.tokenEnv, file: options.tokenFile })
      : serveHttp(config));
  });

program
  .command('connect')
  .description('a bridge from a stdio client to a gateway elsewhere')
  .requiredOption('--url <url>', 'of the gateway, such as https://snowfence.example.com/mcp')
  .option('--token-env <name>', 'the variable that holds an access token (SNOWFENCE_TOKEN if set)')
  .option('--token-file <file>', 'the file that holds one')
  .option('--client-id <id>', 'get tokens as this client')
  .option('--private-key <file>', 'with --client-id: its private key, PKCS#8 PEM')
  .option('--client-secret-env <name>', 'with --client-id: the variable that holds its secret')
  .option('--github-actions', 'use the identity of this GitHub Actions job')
  .option('--issuer <url>', 'the only identity provider to sign in at; that of the first use if nothing is said')
  .option('--audience <name>', "whom tokens are for; the gateway's address if nothing is said")
  .action(async (options) => {
    if (!URL.canParse(options.url))
      throw new SnowfenceError(
        'USAGE',
        `--url: "${String(options.url)}" is no URL.`,
        'Write it whole, such as https://snowfence.example.com/mcp.',
      );
    const { connect } = await import('./connect/bridge.js');
    await connect({
      url: new URL(options.url),
      tokenEnv: options.tokenEnv,
      tokenFile: options.tokenFile,
      clientId: options.clientId,
      privateKeyFile: options.privateKey,
      clientSecretEnv: options.clientSecretEnv,
      githubActions: options.githubActions === true,
      issuer: options.issuer,
      audience: options.audience,
      say: complain,
    });
  });

program
  .command('doctor')
  .description('check configuration, policies, identity provider, store and warehouse')
  .addOption(configOption())
  .addOption(jsonOption())
  .action(async (options) => {
    const { diagnose, renderFindings } = await import('./doctor/doctor.js');
    const findings = await diagnose(options.config);
    say(options.json ? JSON.stringify(findings, null, 2) : renderFindings(findings, styleFor(process.stdout)));
    if (findings.some((finding) => finding.state === 'problem')) process.exitCode = 1;
  });

const policy = program.command('policy').description('policies');
policy
  .command('check')
  .description('every file parses, every key is known, every glob could match')
  .argument('[folder]', 'of the policies', 'policies')
  .option('--config <file>', 'for the gateway of this configuration: whose principals there are')
  .addOption(jsonOption())
  .action(async (folder: string, options) => {
    const config = options.config === undefined ? undefined : await configOf(options.config);
    const { loadFolder } = await import('./policy/catalog.js');
    const issuers = config?.issuers.map(({ issuer }) => issuer);
    const set = await loadFolder(folder, issuers).catch((error: unknown) => {
      if (error instanceof PolicyProblems && options.json) {
        say(JSON.stringify({ problems: error.problems }, null, 2));
        process.exitCode = 1;
        return undefined;
      }
      throw error;
    });
    if (set)
      say(
        options.json
          ? JSON.stringify({ policies: set.policies.map((entry) => entry.name), version: set.version })
          : `${set.policies.length} policies are sound, version ${set.version}.`,
      );
  });

policy
  .command('test')
  .description('the cases beside the policies, judged without a warehouse')
  .argument('[folder]', 'of the policies', 'policies')
  .argument('[files...]', 'of cases; those of the folder that end in .test.yaml if none is named')
  .addOption(jsonOption())
  .action(async (folder: string, files: string[], options) => {
    const { testPolicies } = await import('./policy/test.js');
    const run = await testPolicies(folder, files, styleFor(options.json ? {} : process.stdout));
    say(options.json ? JSON.stringify({ passed: run.passed, failed: run.failed, text: run.text }) : run.text);
    if (run.failed > 0) process.exitCode = 1;
  });

const many = (value: string, before: readonly string[]): readonly string[] => [...before, value];

policy
  .command('explain')
  .description('what a principal may do with one statement, and why')
  .argument('<sql>')
  .option('--policies <folder>', 'the folder of policies', 'policies')
  .option('--issuer <url>', 'who gave the token; the only issuer there is, if nothing is said')
  .option('--subject <name>', 'the token’s subject', 'somebody')
  .option('--client-id <id>', 'the token’s client, if another')
  .option('--group <name>', 'a group of the principal; may be repeated', many, [])
  .option('--claim <name=value>', 'a claim of the token; may be repeated', many, [])
  .option('--purpose <text>', 'what the statement is for')
  .option(
    '--config <file>',
    'look tables up in the warehouse of this configuration, not in the cases beside the policies',
  )
  .addOption(jsonOption())
  .action(async (sql: string, options) => {
    const claims = (options.claim as string[]).map((text) => {
      const at = text.indexOf('=');
      if (at < 1)
        throw new SnowfenceError('USAGE', `--claim: "${text}" is not NAME=VALUE.`, 'Such as --claim region=EU.');
      return [text.slice(0, at), text.slice(at + 1)] as const;
    });
    const { explainPolicy } = await import('./policy/explain.js');
    const { text, judged } = await explainPolicy(
      {
        folder: options.policies,
        config: options.config,
        subject: {
          issuer: options.issuer,
          subject: options.subject,
          clientId: options.clientId ?? options.subject,
          groups: options.group,
          claims: Object.fromEntries(claims),
        },
        sql,
        purpose: options.purpose,
      },
      styleFor(process.stdout),
    );
    const { verdict, denial, sent } = judged;
    say(options.json ? JSON.stringify({ verdict, denial, sent }, null, 2) : text);
  });

policy
  .command('sums')
  .description('the text of policies.sha256, which says what a folder of policies has to hold')
  .argument('[folder]', 'of the policies', 'policies')
  .action(async (folder: string) => {
    const { sumsOfFolder } = await import('./policy/catalog.js');
    // A file keeps names as they are.
    process.stdout.write(await sumsOfFolder(folder));
  });

policy
  .command('reload')
  .description('let the running gateway take the policies as they are now, without waiting for them to be still')
  .addOption(configOption())
  .addOption(jsonOption())
  .action(async (options) => {
    const config = await configOf(options.config);
    const { reloadRunning } = await import('../server/index.js');
    const { text, version } = await reloadRunning(config);
    say(options.json ? JSON.stringify({ version, text }) : text);
  });

policy
  .command('schema')
  .description('the JSON Schema of a policy file, for editors')
  .action(async () => {
    const { policyJsonSchema } = await import('../policy/index.js');
    saysJson = true;
    say(JSON.stringify(policyJsonSchema(), null, 2));
  });

policy
  .command('suggest')
  .description('masks for the columns of some schemas, as YAML to review')
  .argument('<schemas...>', 'such as ANALYTICS.SALES')
  .addOption(configOption())
  .requiredOption('--role <role>', 'the Snowflake role to look with')
  .requiredOption('--warehouse <name>', 'the Snowflake warehouse to look with')
  .addOption(jsonOption())
  .action(async (schemas: string[], options) => {
    const { suggestPolicy } = await import('./policy/suggest.js');
    const key = { role: options.role, warehouse: options.warehouse };
    const result = await suggestPolicy(options.config, schemas, key, complain);
    for (const sentence of result.missing) complain(sentence);
    complain(`${result.suggestions.length} of ${result.columns} columns want a mask.`);
    if (options.json || process.stdout.isTTY)
      say(options.json ? JSON.stringify(result.suggestions, null, 2) : result.yaml.trimEnd());
    // A file keeps names as they are.
    else process.stdout.write(`${result.yaml.trimEnd()}\n`);
  });

/** Runs some work on the store of a configuration, and closes it. */
async function withStore<T>(
  file: string,
  work: (parts: { config: Config; store: import('../transcript/index.js').TranscriptStore }) => Promise<T>,
): Promise<T> {
  const config = await configOf(file);
  const { openStore } = await import('./access/store.js');
  await using store = await openStore(config);
  // Awaited here: the store is closed when this function is left.
  return await work({ config, store });
}

const store = program.command('store').description('the transcript’s store in PostgreSQL');
store
  .command('setup')
  .description('make or update the tables and the gateway’s role, as the administrator that the configuration names')
  .addOption(configOption())
  .action(async (options) => {
    const config = await configOf(options.config);
    const { setUp } = await import('./access/store.js');
    say(await setUp(config));
  });

const keys = program.command('keys').description('the keys that sign and encrypt the record');
keys
  .command('new')
  .description('a new key on standard output, for a file that only the gateway reads')
  .addArgument(new Argument('<kind>').choices(['signing', 'encryption', 'webhook']))
  .action(async (kind: string) => {
    const { newEncryptionKey, newSigningKey, newWebhookSecret } = await import('../config/new-secrets.js');
    process.stdout.write(
      kind === 'signing' ? newSigningKey() : kind === 'webhook' ? newWebhookSecret() : newEncryptionKey(),
    );
  });
keys
  .command('show')
  .description('the public key that verifies the record')
  .addOption(configOption())
  .action(async (options) => {
    const config = await configOf(options.config);
    const { verifierKeyOf } = await import('../transcript/index.js');
    say(verifierKeyOf(config.keys));
  });
keys
  .command('list')
  .description('which of the encryption keys hold what')
  .addOption(configOption())
  .action(async (options) => {
    const { listKeys } = await import('./record/keys.js');
    say(await withStore(options.config, ({ config, store }) => listKeys(config, store)));
  });
keys
  .command('rotate')
  .description('encrypt every session’s key with the first encryption key of the configuration')
  .addOption(configOption())
  .action(async (options) => {
    const { rotate } = await import('./record/keys.js');
    say(await withStore(options.config, ({ config, store }) => rotate(config, store)));
  });
const moment = (text: string): string => {
  if (!/^(?:\d{4}-\d{2}-\d{2}|\d{1,5}[mhdw]$)/.test(text))
    throw new InvalidArgumentError('Such as 2026-11-01, or 90d for so long ago.');
  return text;
};
keys
  .command('erase')
  .description('make what agents wrote of people in some sessions unreadable for good')
  .argument('[sessions...]')
  .addOption(configOption())
  .option('--agent <name>', 'all sessions of this subject or client')
  .option('--issuer <url>', 'with --agent: of this issuer')
  .option('--before <time>', 'sessions that ended before', moment)
  .option('--yes', 'do it')
  .action(async (sessions: string[], options) => {
    const [{ erase }, { timeOf }] = await Promise.all([import('./record/keys.js'), import('../transcript/index.js')]);
    const before = options.before === undefined ? undefined : timeOf(options.before, new Date());
    say(
      await withStore(options.config, ({ config, store }) =>
        erase(config, store, { sessions, agent: options.agent, issuer: options.issuer, before }, options.yes === true),
      ),
    );
  });

const retention = program.command('retention').description('how long the record stays');
retention
  .command('run')
  .description('archive and drop what is older than the configuration keeps; for a weekly job')
  .addOption(configOption())
  .option('--before <time>', 'weeks that ended before, instead of the configuration’s age', moment)
  .action(async (options) => {
    const [{ archiveOld }, { timeOf }] = await Promise.all([
      import('./record/retention.js'),
      import('../transcript/index.js'),
    ]);
    const progress = progressLine(process.stderr);
    say(
      await withStore(options.config, ({ config, store }) => {
        const { keepDays, folder } = config.retention;
        if (options.before === undefined && keepDays === undefined)
          throw new SnowfenceError(
            'NO_RETENTION',
            'The configuration does not say how long the record stays.',
            'Set transcript.retention.keep, such as 400d, or name a time with --before.',
          );
        const before = timeOf(options.before ?? `${keepDays}d`, new Date()) ?? new Date(0);
        return archiveOld(config, store, before, folder, (week) => progress.show(`week of ${week}`));
      }).finally(() => progress.end()),
    );
  });
retention
  .command('hold')
  .description('keep a session, or everything of an agent, whatever its age')
  .requiredOption('--reason <text>', 'why; it is recorded')
  .option('--session <id>')
  .option('--agent <name>', 'a subject')
  .option('--issuer <url>', 'with --agent: of this issuer only; of all who bear the name if nothing is said')
  .addOption(configOption())
  .action(async (options) => {
    const { hold } = await import('./record/retention.js');
    say(
      await withStore(options.config, ({ config, store }) =>
        hold(config, store, { session: options.session, agent: options.agent, issuer: options.issuer }, options.reason),
      ),
    );
  });
retention
  .command('lift')
  .description('end a hold')
  .argument('<hold>')
  .addOption(configOption())
  .action(async (id: string, options) => {
    const { lift } = await import('./record/retention.js');
    say(await withStore(options.config, ({ config, store }) => lift(config, store, id)));
  });
retention
  .command('holds')
  .description('what is held, and what was')
  .addOption(configOption())
  .addOption(jsonOption())
  .action(async (options) => {
    const { listHolds } = await import('./record/retention.js');
    say(await withStore(options.config, ({ store }) => listHolds(store, options.json === true)));
  });

const webhooks = program.command('webhooks').description('delivery of the record to other systems');
webhooks
  .command('list')
  .description('each webhook, and how far it is')
  .addOption(configOption())
  .addOption(jsonOption())
  .action(async (options) => {
    const { listWebhooks } = await import('./record/webhooks.js');
    say(await withStore(options.config, ({ config, store }) => listWebhooks(config, store, options.json === true)));
  });
webhooks
  .command('dead')
  .description('what was given up after a day of tries')
  .argument('[name]')
  .addOption(configOption())
  .addOption(jsonOption())
  .action(async (name: string | undefined, options) => {
    const { listDead } = await import('./record/webhooks.js');
    say(await withStore(options.config, ({ store }) => listDead(store, name, options.json === true)));
  });
for (const [name, about] of [
  ['retry', 'send what was given up once more'],
  ['test', 'send one signed test message'],
] as const)
  webhooks
    .command(name)
    .description(about)
    .argument('<name>')
    .addOption(configOption())
    .action(async (webhook: string, options) => {
      const { retryWebhook, testWebhook } = await import('./record/webhooks.js');
      say(
        await withStore(options.config, ({ config, store }) =>
          name === 'retry' ? retryWebhook(config, store, webhook) : testWebhook(config, webhook),
        ),
      );
    });

program
  .command('reconcile')
  .description('hold the transcript against the warehouse’s own history')
  .addOption(configOption())
  .requiredOption('--since <time>', 'such as 2026-11-01 or 24h; at most seven days ago', moment)
  .option('--until <time>', 'now if nothing is said', moment)
  .addOption(jsonOption())
  .action(async (options) => {
    const [{ reconcile, renderDifferences }, { timeOf }] = await Promise.all([
      import('./record/reconcile.js'),
      import('../transcript/index.js'),
    ]);
    const now = new Date();
    const since = timeOf(options.since, now) ?? now;
    const until = options.until === undefined ? now : (timeOf(options.until, now) ?? now);
    const result = await withStore(options.config, ({ config, store }) => reconcile(config, store, since, until));
    say(options.json ? JSON.stringify(result, null, 2) : renderDifferences(result));
    if (result.differences.length > 0) process.exitCode = 1;
  });

program
  .command('verify')
  .description('prove that the transcript is whole, or name the first broken place')
  .addOption(configOption())
  .option('--export <file>', 'an export instead of the store: needs --key, and neither configuration nor database')
  .option(
    '--checkpoints <file>',
    'checkpoints that were kept elsewhere; may be given again',
    collect,
    [] as readonly string[],
  )
  .option(
    '--key <key>',
    'a public key that signed, as keys show prints it; may be given again',
    collect,
    [] as readonly string[],
  )
  .option(
    '--acknowledged <hash>',
    'of an event that somebody has looked into; may be given again',
    collect,
    [] as readonly string[],
  )
  .addOption(jsonOption())
  .action(async (options) => {
    const config = options.export === undefined ? await configOf(options.config) : undefined;
    const { recordVerification, renderReport, verifyConfigured, verifyFile } = await import('./record/verify.js');
    const progress = progressLine(process.stderr);
    const args = {
      checkpoints: options.checkpoints as readonly string[],
      keys: options.key as readonly string[],
      acknowledged: options.acknowledged as readonly string[],
      onProgress: (done: number, of: number) => progress.show(`${done} of ${of} events`),
    };
    const report = await (config ? verifyConfigured(config, args) : verifyFile(options.export, args)).finally(() =>
      progress.end(),
    );
    const problem = config && (await recordVerification(config, report));
    if (problem !== undefined) complain(`That it was verified could not be recorded: ${problem}`);
    say(options.json ? JSON.stringify(report, null, 2) : renderReport(report, styleFor(process.stdout)));
    if (!report.isWhole) process.exitCode = 1;
  });

const sessions = program.command('sessions').description('transcripts');
sessions
  .command('list')
  .description('the newest sessions')
  .addOption(configOption())
  .option('--agent <name>', 'of this subject or client only')
  .option('--all', 'the gateway’s own and those of operators, too')
  .option('--limit <number>', 'at most', whole(1, 1000), 50)
  .option('--after <id>', 'those that began before this one: the next page')
  .addOption(jsonOption())
  .action(async (options) => {
    const { listSessions } = await import('./record/sessions.js');
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
  .argument('<id>')
  .addOption(configOption())
  .option('--whole', 'with personal data and secrets that agents wrote; for auditors, whose look is recorded')
  .option('--token-env <name>', 'with --whole: the variable that holds your access token', 'SNOWFENCE_TOKEN')
  .addOption(jsonOption())
  .action(async (id: string, options) => {
    const { showSession } = await import('./record/sessions.js');
    await withStore(options.config, async ({ config, store }) => {
      const { auditorOf } = await import('./access/auditor.js');
      const auditor = options.whole ? await auditorOf(config, process.env[options.tokenEnv]) : undefined;
      await showSession(store, id, options.json === true, auditor, say);
    });
  });
sessions
  .command('search')
  .description('statements, newest first')
  .argument('<terms...>', 'such as agent:sales-bot table:CUSTOMERS verdict:denied after:2026-11-01 \'"card number"\'')
  .addOption(configOption())
  .option('--limit <number>', 'at most', whole(1, 1000), 50)
  .option('--cursor <cursor>', 'the next page')
  .addOption(jsonOption())
  .addHelpText(
    'after',
    `
Terms have all to hold; a minus before one turns it round. Words are looked for in statements and purposes.
  agent: client: group:            who
  table: column: masked: kind:     what, by any end of its name
  verdict: state: code: rule: policy:
  after: before:                   2026-11-01, "2026-11-01 13:30" (UTC), or so long ago: 7d, 12h
  duration: rows: bytes:           duration:>10s rows:>=1000 bytes:>1GB
  text: purpose:                   a pattern with * and ?, or a regular expression between slashes
  session: statement: fingerprint: is:explain`,
  )
  .action(async (terms: string[], options) => {
    const { searchStatements } = await import('./record/sessions.js');
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
const positive = (text: string): number => {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0 || value > 1000)
    throw new InvalidArgumentError('It has to be a number above 0, at most 1000.');
  return value;
};
sessions
  .command('replay')
  .description('play a session again')
  .argument('<id>')
  .addOption(configOption())
  .option('--speed <number>', '2 is twice as fast', positive, 1)
  .option('--max-pause <seconds>', 'pauses are cut to this', positive, 2)
  .option('--step', 'one key for each step')
  .action(async (id: string, options) => {
    const { replaySession } = await import('./record/sessions.js');
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
  .option('--after <sequence>', 'with --follow: from after this event on', whole(0, Number.MAX_SAFE_INTEGER), 0)
  .option('--speed <number>', 'of an asciicast', positive, 1)
  .option('--max-pause <seconds>', 'of an asciicast', positive, 2)
  .action(async (ids: string[], options) => {
    const { archivedOf, exportSessions } = await import('./record/sessions.js');
    const written = await withStore(options.config, async ({ store }) => {
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

const approvals = program.command('approvals').description('statements that wait for a person');
approvals
  .command('list')
  .description('what waits, or waited')
  .addOption(configOption())
  .addOption(
    new Option('--state <state>', 'only these')
      .choices(['pending', 'approved', 'denied', 'expired', 'withdrawn', 'used'])
      .default('pending'),
  )
  .option('--all', 'of every state')
  .option('--limit <number>', 'at most', whole(1, 200), 200)
  .option('--after <id>', 'those that were asked before this one: the next page')
  .addOption(jsonOption())
  .action(async (options) => {
    const { listApprovals } = await import('./approvals/approvals.js');
    const { state, limit, after } = options;
    say(
      await withStore(options.config, ({ config, store }) =>
        listApprovals(config, store, {
          state: options.all ? undefined : state,
          limit,
          after,
          json: options.json === true,
        }),
      ),
    );
  });
approvals
  .command('show')
  .description('one of them')
  .argument('<id>')
  .addOption(configOption())
  .option('--whole', 'with personal data and secrets in it; for its reviewers and for auditors, whose look is recorded')
  .option('--token-env <name>', 'with --whole: the variable that holds your access token', 'SNOWFENCE_TOKEN')
  .addOption(jsonOption())
  .action(async (id: string, options) => {
    const { showApproval } = await import('./approvals/approvals.js');
    const whole = options.whole === true ? { token: process.env[options.tokenEnv] } : undefined;
    say(
      await withStore(options.config, ({ config, store }) =>
        showApproval(config, store, id, options.json === true, whole),
      ),
    );
  });
for (const decision of ['approve', 'deny'] as const) {
  const command = approvals
    .command(decision)
    .description(decision === 'approve' ? 'let it run' : 'let it not run')
    .argument('<id>')
    .addOption(configOption())
    .option('--token-env <name>', 'the variable that holds your access token', 'SNOWFENCE_TOKEN')
    .option('--reason <text>', 'what the agent is told');
  if (decision === 'approve')
    command
      .option('--standing <time>', 'let this agent run statements of the same shape for so long, such as 2h')
      .option('--uses <number>', 'and at most so often (20)');
  command.action(async (id: string, options) => {
    const { decideApproval } = await import('./approvals/approvals.js');
    const { reason, standing, uses, tokenEnv } = options;
    say(
      await withStore(options.config, ({ config, store }) =>
        decideApproval(config, store, id, decision, { token: process.env[tokenEnv], reason, standing, uses }),
      ),
    );
  });
}
approvals
  .command('standing')
  .description('approvals that hold for a while')
  .addOption(configOption())
  .addOption(jsonOption())
  .action(async (options) => {
    const { listStandingApprovals } = await import('./approvals/approvals.js');
    say(
      await withStore(options.config, ({ config, store }) =>
        listStandingApprovals(config, store, options.json === true),
      ),
    );
  });
approvals
  .command('revoke')
  .description('end one that holds for a while')
  .argument('<id>', 'as `approvals standing` lists it')
  .addOption(configOption())
  .option('--token-env <name>', 'the variable that holds your access token', 'SNOWFENCE_TOKEN')
  .action(async (id: string, options) => {
    const { revokeStanding } = await import('./approvals/approvals.js');
    say(
      await withStore(options.config, ({ config, store }) =>
        revokeStanding(config, store, id, process.env[options.tokenEnv]),
      ),
    );
  });

function fail(error: unknown): void {
  const isVerbose = program.opts()['verbose'] === true;
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
    return;
  }
  const style = styleFor(process.stderr);
  if (error instanceof SnowfenceError) {
    complain(`${style.red(error.code)}  ${error.message}${error.hint ? `\n${error.hint}` : ''}`);
    process.exitCode = error.exitCode;
  } else if (error instanceof PolicyProblems) {
    complain(`${style.red('POLICIES_UNSOUND')}\n${error.message}`);
    process.exitCode = 1;
  } else {
    complain(
      `${style.red('UNEXPECTED')}  ${error instanceof Error ? error.message : String(error)}\nRun again with --verbose for more.`,
    );
    process.exitCode = 1;
  }
  if (isVerbose && error instanceof Error) complain(error.stack ?? '');
}

try {
  await program.parseAsync();
} catch (error) {
  fail(error);
}
