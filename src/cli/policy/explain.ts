/** `snowfence policy explain`: one statement of one principal, and everything that its verdict rests on. */
import { z } from 'zod';
import { loadConfig } from '../../config/index.js';
import type { Judged } from '../../gateway/index.js';
import { methodName } from '../../masking/index.js';
import { inForce, readMasks, type Subject, showRows } from '../../policy/index.js';
import { type CatalogReader, type ObjectUse, showObject } from '../../sql/index.js';
import { printable, type Style, terminalText } from '../../terminal/index.js';
import { visibleLines } from '../../visible-text/index.js';
import { Warehouse } from '../../warehouse/index.js';
import { catalogFile, catalogReader } from './catalog.js';
import { caseFiles, issuerIn, loadFolder, readYaml } from './folder.js';
import { judgeOffline, offlineJudge } from './judge.js';

export interface ExplainOptions {
  readonly folder: string;
  /** Look objects up in the warehouse of this configuration, instead of the catalogs beside the policies. */
  readonly config: string | undefined;
  readonly subject: Omit<Subject, 'issuer'> & { readonly issuer: string | undefined };
  readonly sql: string;
  readonly purpose: string | undefined;
  readonly prompt: string | undefined;
}

/** The place in the statement, with a mark below it. */
function pointAt(sql: string, line: number, column: number): string[] {
  const text = sql.split('\n')[line - 1];
  if (text === undefined) return [];
  const from = Math.max(0, column - 60);
  const before = printable(text.slice(from, column - 1));
  return [`  ${before}${printable(text.slice(column - 1, from + 120))}`, `  ${' '.repeat(before.length)}^`];
}

function render(judged: Judged, sql: string, names: readonly string[], style: Style): string {
  const { verdict, denial, analysis } = judged;
  const decision = denial ? 'deny' : (verdict?.decision ?? 'deny');
  const colour = { allow: style.green, approve: style.yellow, deny: style.red }[decision];
  const lines = [`${colour(style.bold(decision.toUpperCase()))}  under ${names.join(', ') || 'no policy'}`];
  const section = (title: string, items: readonly string[]): void => {
    if (items.length > 0) lines.push('', style.bold(title), ...items.map((item) => `  ${terminalText(item)}`));
  };
  if (denial) {
    lines.push('', `${denial.code}  ${printable(denial.message)}`);
    if (denial.position) lines.push(...pointAt(sql, denial.position.line, denial.position.column));
    if (denial.rule) lines.push(`  ${style.dim(denial.rule)}`);
    if (denial.hint) lines.push(`  ${style.dim(printable(denial.hint))}`);
  }
  section(
    'Rules',
    (verdict?.rules ?? []).map(
      (rule) => `${rule.effect.padEnd(7)} ${rule.kind} on ${rule.object}  ${style.dim(rule.rule)}`,
    ),
  );
  section(
    'Reviewers',
    (verdict?.approval?.requirements ?? []).map(
      ({ count, groups, issuers, rule }) =>
        `${count} of ${groups.join(', ')}${issuers.length > 0 ? ` at ${issuers.join(', ')}` : ''}  ${style.dim(rule)}`,
    ),
  );
  // What the rules refuse by its name alone, or through a view, was not looked up.
  const isMissing = ({ relation, via }: ObjectUse): boolean =>
    !relation && via.length === 0 && analysis?.isLookedUp === true;
  section(
    'Objects',
    (analysis?.objects ?? []).map(
      (use) =>
        `${use.access.padEnd(5)} ${showObject(use.object)}${isMissing(use) ? style.yellow('  not in the catalog') : ''}${use.via.length > 0 ? `  through ${use.via.map(showObject).join(' → ')}` : ''}`,
    ),
  );
  const columns = new Map<string, Set<string>>();
  for (const use of analysis?.columns ?? []) {
    const name = `${showObject(use.object)}.${use.column}`;
    columns.set(name, (columns.get(name) ?? new Set()).add(use.usage));
  }
  section(
    'Columns',
    [...columns].map(([name, usages]) => `${name}  ${style.dim([...usages].join(', '))}`),
  );
  section(
    'Masks',
    readMasks(verdict?.masks ?? [], analysis).map(
      (mask) => `${showObject(mask.object)}.${mask.column}  ${methodName(mask.method)}  ${style.dim(mask.rule)}`,
    ),
  );
  section(
    'Rows',
    (verdict?.rows ?? []).map(
      (rows) => `${showObject(rows.object)} where ${printable(showRows(rows))}  ${style.dim(rows.rule)}`,
    ),
  );
  if (verdict?.needs.bytes || verdict?.needs.rows)
    section('Open', [
      'A rule or limit goes by the bytes scanned or rows affected: Snowflake is asked before the statement runs.',
    ]);
  if (!denial && judged.sent !== undefined) section('Sent as', visibleLines(judged.sent));
  return lines.join('\n');
}

/** Throws SnowfenceError and PolicyProblems. */
export async function explainPolicy(options: ExplainOptions, style: Style): Promise<{ text: string; judged: Judged }> {
  const config = options.config === undefined ? undefined : await loadConfig(options.config);
  const set = await loadFolder(
    options.folder,
    config?.issuers.map(({ issuer }) => issuer),
  );
  const at = new Date();
  const subject: Subject = { ...options.subject, issuer: issuerIn(set, options.subject.issuer, '--issuer') };
  const rules = inForce(set, subject, at);
  const names = rules.policies.map((policy) => policy.name);
  const answer = async (reader: CatalogReader): Promise<{ text: string; judged: Judged }> => {
    const { sql, purpose, prompt } = options;
    const judged = await judgeOffline({ set, judge: offlineJudge(reader), subject, sql, purpose, prompt, at });
    return { judged, text: render(judged, sql, names, style) };
  };
  if (config === undefined) {
    const catalogs = [];
    for (const file of await caseFiles(options.folder))
      catalogs.push((await readYaml(file, z.looseObject(catalogFile))).data);
    return answer(catalogReader(catalogs));
  }
  await using warehouse = new Warehouse(config.warehouse);
  const [first] = rules.policies;
  const key = { role: first?.role ?? '', warehouse: first?.warehouse ?? '' };
  // Awaited here: the warehouse is closed when this function is left.
  return await answer({
    relation: (name) => warehouse.catalog.relation(key, name),
    constraints: (name, isHybrid) => warehouse.catalog.constraints(key, name, isHybrid),
  });
}
