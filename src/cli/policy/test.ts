/** `snowfence policy test`: cases in YAML beside the policies, judged without a warehouse. */
import { z } from 'zod';
import { SnowfenceError } from '../../config/problem.js';
import type { Judged } from '../../gateway/index.js';
import { methodName } from '../../masking/index.js';
import type { Subject } from '../../policy/index.js';
import { showIdentifier } from '../../sql/index.js';
import { printable, type Style } from '../../terminal/index.js';
import { catalogFile, catalogReader } from './catalog.js';
import { caseFiles, issuerIn, loadFolder, readYaml } from './folder.js';
import { judgeOffline, offlineJudge } from './judge.js';

const principal = z.strictObject({
  issuer: z.string().optional(),
  subject: z.string().default('somebody'),
  client_id: z.string().optional(),
  groups: z.array(z.string()).default([]),
  claims: z.record(z.string(), z.unknown()).default({}),
});

const decision = z.enum(['allow', 'deny', 'approve']);

const expectation = z.union([
  decision.transform((value) => ({ decision: value })),
  z.strictObject({
    decision,
    /** A denial's code. */
    code: z.string().optional(),
    /** A part of the denial's message. */
    message: z.string().optional(),
    /** The end of the place of the rule, such as `sales.yaml:11`. */
    rule: z.string().optional(),
    /** Columns of the statement's tables, and how each is masked. */
    masks: z.record(z.string(), z.string()).optional(),
    /** A part of the text that would be sent. */
    sent: z.string().optional(),
    /** Who is asked. */
    groups: z.array(z.string()).optional(),
  }),
]);

const caseFile = z.strictObject({
  ...catalogFile,
  principals: z.record(z.string(), principal).default({}),
  cases: z
    .array(
      z.strictObject({
        name: z.string().optional(),
        as: z.union([z.string(), principal]),
        sql: z.string(),
        purpose: z.string().optional(),
        /** What the person typed, as the client's hook would report it. */
        prompt: z.string().optional(),
        at: z.iso.datetime({ offset: true }).optional(),
        estimate: z.strictObject({ bytes: z.number().optional(), rows: z.number().optional() }).optional(),
        expect: expectation,
      }),
    )
    .min(1),
});

type Expectation = z.infer<typeof expectation>;

const subjectOf = (who: z.infer<typeof principal>, issuer: string): Subject => ({
  issuer,
  subject: who.subject,
  clientId: who.client_id ?? who.subject,
  groups: who.groups,
  claims: who.claims,
});

/** What came of a statement, in the words of an expectation. */
function outcome(judged: Judged): Record<string, unknown> {
  const { verdict, denial } = judged;
  const masks = (verdict?.masks ?? []).map((mask) => [showIdentifier(mask.column), methodName(mask.method)]);
  return {
    decision: denial ? 'deny' : verdict?.decision,
    ...(denial
      ? { code: denial.code, message: denial.message, rule: denial.rule }
      : { masks: Object.fromEntries(masks) as unknown, sent: judged.sent }),
    ...(verdict?.approval ? { groups: verdict.approval.requirements.flatMap(({ groups }) => groups) } : {}),
  };
}

/** The lines in which an outcome differs from what was expected. */
function differences(expected: Expectation, got: Record<string, unknown>): string[] {
  const lines: string[] = [];
  const show = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing'));
  for (const [key, wanted] of Object.entries(expected)) {
    if (wanted === undefined) continue;
    const has = got[key];
    const isFound =
      key === 'message' || key === 'sent'
        ? String(has ?? '').includes(String(wanted))
        : key === 'rule'
          ? String(has ?? '').endsWith(String(wanted))
          : key === 'masks'
            ? Object.entries(wanted as object).every(
                ([column, how]) => (has as Record<string, string> | undefined)?.[column] === how,
              )
            : JSON.stringify(has) === JSON.stringify(wanted);
    if (!isFound) lines.push(`${key}: expected ${show(wanted)}, got ${show(has)}`);
  }
  return lines;
}

export interface TestRun {
  readonly passed: number;
  readonly failed: number;
  readonly text: string;
}

/** Runs every case beside the policies, or those of the files given. Throws SnowfenceError and PolicyProblems. */
export async function testPolicies(folder: string, files: readonly string[], style: Style): Promise<TestRun> {
  const set = await loadFolder(folder);
  const chosen = files.length > 0 ? files : await caseFiles(folder);
  if (chosen.length === 0)
    throw new SnowfenceError(
      'NO_CASES',
      `There are no cases in ${folder}.`,
      'Write them into files that end in .test.yaml; policies/ of the package has examples.',
      1,
    );
  const lines: string[] = [];
  let [passed, failed] = [0, 0];
  for (const file of chosen) {
    const { data, placeOf } = await readYaml(file, caseFile);
    const judge = offlineJudge(catalogReader([data]));
    lines.push(style.bold(file));
    for (const [index, one] of data.cases.entries()) {
      const named = typeof one.as === 'string' ? data.principals[one.as] : one.as;
      if (!named)
        throw new SnowfenceError(
          'CASES_UNSOUND',
          `${placeOf(['cases', index, 'as'])} there is no principal "${String(one.as)}".`,
          'Describe it under principals.',
          1,
        );
      const judged = await judgeOffline({
        set,
        judge,
        subject: subjectOf(named, issuerIn(set, named.issuer, placeOf(['cases', index, 'as']))),
        sql: one.sql,
        purpose: one.purpose,
        prompt: one.prompt,
        at: one.at === undefined ? new Date() : new Date(one.at),
        estimate: one.estimate,
      });
      const wrong = differences(one.expect, outcome(judged));
      const title = printable(one.name ?? one.sql.replaceAll(/\s+/g, ' ').slice(0, 100));
      if (wrong.length === 0) {
        passed++;
        lines.push(`  ${style.green('✓')} ${title}`);
        continue;
      }
      failed++;
      lines.push(`  ${style.red('✗')} ${title}  ${style.dim(placeOf(['cases', index]))}`);
      for (const line of wrong) lines.push(`      ${printable(line)}`);
      if (judged.denial && !wrong.some((line) => line.startsWith('message')))
        lines.push(`      ${style.dim(printable(judged.denial.message))}`);
    }
  }
  lines.push('', `${passed} passed, ${failed} failed`);
  return { passed, failed, text: lines.join('\n') };
}
