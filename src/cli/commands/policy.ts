/** `snowfence policy …`: what can be asked of policies, most of it without a warehouse. */
import type { Command } from 'commander';
import { SnowfenceError } from '../../config/problem.js';
import { PolicyProblems } from '../../policy/rules/problems.js';
import { quoted, startedAs, styleFor, table } from '../../terminal/index.js';
import { configOf, withStore } from '../io/configured.js';
import { configOption, jsonOption, listOption, wholeOption } from '../io/options.js';
import { answerInJson, complain, say } from '../io/output.js';

export function policyCommand(policy: Command): void {
  policy
    .command('check')
    .description('every file parses, every key is known, every glob could match')
    .argument('[folder]', 'of the policies', 'policies')
    .option('--config <file>', 'for the gateway of this configuration: whose principals there are')
    .option(
      '--tables',
      'hold masks against the columns of the warehouse of --config, not against the tables in the cases beside the policies',
      false,
    )
    .addOption(jsonOption())
    .action(async (folder: string, options) => {
      if (options.tables && options.config === undefined)
        throw new SnowfenceError(
          'USAGE',
          '--tables needs --config.',
          'Name the configuration: its warehouse is asked.',
        );
      const config = options.config === undefined ? undefined : await configOf(options.config);
      const { loadFolder } = await import('../policy/folder.js');
      const issuers = config?.issuers.map(({ issuer }) => issuer);
      const set = await loadFolder(folder, issuers).catch((error: unknown) => {
        if (error instanceof PolicyProblems && options.json) {
          say(JSON.stringify({ problems: error.problems }, null, 2));
          process.exitCode = 1;
          return undefined;
        }
        throw error;
      });
      // Sound, and perhaps meant: limits alone, for instance. Whoever left its rules away by mistake hears of it.
      for (const { name, rules, columns, rows, detect } of set?.policies ?? [])
        if (!options.json && rules.length + columns.length + rows.length + detect.length === 0)
          say(`Note: ${name} allows nothing and hides nothing: it has no rules, columns, rows or detect.`);
      if (!set) return;
      const { fitOf } = await import('../policy/fit.js');
      const { misfits, notes } = await fitOf(folder, set, options.tables ? config?.warehouse : undefined, complain);
      if (!options.json) for (const note of notes) say(`Note: ${note}`);
      say(
        options.json
          ? JSON.stringify({ policies: set.policies.map((entry) => entry.name), version: set.version, misfits })
          : `${set.policies.length === 1 ? '1 policy is' : `${set.policies.length} policies are`} sound, version ${set.version}.`,
      );
    });

  policy
    .command('test')
    .description('the cases beside the policies, judged without a warehouse')
    .argument('[folder]', 'of the policies', 'policies')
    .argument('[files...]', 'of cases; those of the folder that end in .test.yaml if none is named')
    .addOption(jsonOption())
    .action(async (folder: string, files: string[], options) => {
      const { testPolicies } = await import('../policy/test.js');
      const run = await testPolicies(folder, files, styleFor(options.json ? {} : process.stdout));
      say(options.json ? JSON.stringify({ passed: run.passed, failed: run.failed, text: run.text }) : run.text);
      if (run.failed > 0) process.exitCode = 1;
    });

  policy
    .command('explain')
    .description('what a principal may do with one statement, and why')
    .argument('<sql>', 'one statement')
    .option('--policies <folder>', 'the folder of policies', 'policies')
    .option('--issuer <url>', 'who gave the token; the only issuer there is, if nothing is said')
    .option('--subject <name>', 'the token’s subject', 'somebody')
    .option('--client-id <id>', 'the token’s client; as the subject if nothing is said')
    .addOption(listOption('--group <name>', 'a group of the principal'))
    .addOption(listOption('--claim <name=value>', 'a claim of the token'))
    .option('--purpose <text>', 'what the statement is for, in the agent’s words')
    .option('--prompt <text>', 'what the person typed, as a hook would report it')
    .option(
      '--config <file>',
      'look tables up in the warehouse of this configuration, not in the cases beside the policies',
    )
    .addOption(jsonOption())
    .action(async (sql: string, options) => {
      const claims = ((options.claim ?? []) as readonly string[]).map((text) => {
        const at = text.indexOf('=');
        if (at < 1)
          throw new SnowfenceError('USAGE', `--claim: "${text}" is not NAME=VALUE.`, 'Such as --claim region=EU.');
        return [text.slice(0, at), text.slice(at + 1)] as const;
      });
      const { explainPolicy } = await import('../policy/explain.js');
      const { text, judged } = await explainPolicy(
        {
          folder: options.policies,
          config: options.config,
          subject: {
            issuer: options.issuer,
            subject: options.subject,
            clientId: options.clientId ?? options.subject,
            groups: options.group ?? [],
            claims: Object.fromEntries(claims),
          },
          sql,
          purpose: options.purpose,
          prompt: options.prompt,
        },
        styleFor(process.stdout),
      );
      const { verdict, denial, sent } = judged;
      say(options.json ? JSON.stringify({ verdict, denial, sent }, null, 2) : text);
    });

  policy
    .command('history')
    .description('which sets of policies were in force, newest first, and the files of one')
    .argument('[version]', 'one to show, with its files: as the record names it, or its beginning', '')
    .addOption(configOption())
    .option('--out <folder>', 'with a version: write its files there')
    .addOption(wholeOption('--limit <number>', 'so many at most', 1, 1000).default(50))
    .addOption(jsonOption())
    .action(async (version: string, options) => {
      const { keptSet, policyHistory, writeSet } = await import('../policy/history.js');
      await withStore(options.config, async ({ store }) => {
        if (options.out !== undefined) {
          if (version === '')
            throw new SnowfenceError('USAGE', '--out needs a version.', 'snowfence policy history lists them.');
          const files = await writeSet(store, version, options.out);
          say(
            options.json
              ? JSON.stringify({ files })
              : `${files === 1 ? '1 file' : `${files} files`} in ${String(options.out)}. Hold statements against it: ${startedAs()} policy explain --policies ${quoted(String(options.out))}`,
          );
          return;
        }
        if (version !== '') {
          const { texts, ...set } = await keptSet(store, version);
          const files = [...texts].map(([name, text]) => ({ name, text }));
          say(
            options.json
              ? JSON.stringify({ at: set.at, version: set.version, policies: set.policies, files })
              : [
                  `version  ${set.version}`,
                  `from     ${set.at.slice(0, 19).replace('T', ' ')} UTC`,
                  `policies ${set.policies.join(', ')}`,
                  ...files.map(({ name, text }) => `\n# ${name}\n${text.trimEnd()}`),
                ].join('\n'),
          );
          return;
        }
        const sets = await policyHistory(store, version, options.limit);
        say(
          options.json
            ? JSON.stringify(sets)
            : sets.length === 0
              ? 'No set of policies was in force.'
              : table(
                  ['from (UTC)', 'version', 'policies'],
                  sets.map(({ at, version: full, policies }) => [
                    at.slice(0, 19).replace('T', ' '),
                    full.slice(0, 16),
                    policies.join(', '),
                  ]),
                ),
        );
      });
    });

  policy
    .command('sums')
    .description('the text of policies.sha256, which says what a folder of policies has to hold')
    .argument('[folder]', 'of the policies', 'policies')
    .action(async (folder: string) => {
      const { sumsOfFolder } = await import('../policy/folder.js');
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
      const { reloadRunning } = await import('../../server/index.js');
      const { text, version } = await reloadRunning(config);
      say(options.json ? JSON.stringify({ version, text }) : text);
    });

  policy
    .command('schema')
    .description('the JSON Schema of a policy file, for editors')
    .action(async () => {
      const { policyJsonSchema } = await import('../../policy/index.js');
      answerInJson(true);
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
      const { suggestPolicy } = await import('../policy/suggest.js');
      const key = { role: options.role, warehouse: options.warehouse };
      const result = await suggestPolicy(options.config, schemas, key, complain);
      for (const sentence of result.missing) complain(sentence);
      complain(`${result.suggestions.length} of ${result.columns} columns want a mask.`);
      if (options.json || process.stdout.isTTY)
        say(options.json ? JSON.stringify(result.suggestions, null, 2) : result.yaml.trimEnd());
      // A file keeps names as they are.
      else process.stdout.write(`${result.yaml.trimEnd()}\n`);
    });
}
