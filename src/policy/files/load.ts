/** Policies from a folder: parsed, checked, each rule knowing its file and line. */
import { basename } from 'node:path';
import { isMap, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import type { z } from 'zod';
import { type DetectRule, HASH_FUNCTION, HASH_PARTS, type MaskMethod, patternFinder } from '../../masking/index.js';
import type { ObjectName, StatementKind } from '../../sql/index.js';
import { type Glob, GlobError, GlobIndex, parseColumnGlob, parseGlob, parseTextGlob } from '../rules/globs.js';
import { issuersOf, type KnownIssuers, knownIssuers, reportIssuers } from '../rules/issuers.js';
import { notUnderstood, type Predicate, PredicateProblem, parsePredicate } from '../rules/predicate.js';
import { type Place, PolicyProblems, type Problem } from '../rules/problems.js';
import { type PolicyFile, policyFile } from '../rules/schema.js';
import { FolderMoves, type Reading, readFolder } from './reading.js';
import { sumProblems, sumsOf } from './sums.js';

export type { Place };

/** What a change may touch beyond the rows that its reviewers were told of: so many, and such a share of those. */
export interface Tolerance {
  readonly rows: number;
  readonly share: number;
}

export interface Rule {
  readonly effect: 'allow' | 'deny' | 'approve';
  readonly kinds: ReadonlySet<StatementKind>;
  readonly on: readonly Glob[];
  readonly reason: string | undefined;
  readonly place: Place;
  readonly by:
    | {
        /** Whose groups they are; nobody's where that is open, which a set with known issuers never is. */
        readonly issuers: readonly string[];
        readonly groups: readonly string[];
        readonly count: number;
        readonly within: number;
        readonly tolerance: Tolerance;
      }
    | undefined;
  readonly when:
    | {
        readonly noWhere: boolean;
        readonly purposeMissing: boolean;
        /** In capitals. */
        readonly functions: readonly string[];
        readonly bytesOver: number | undefined;
        readonly rowsOver: number | undefined;
      }
    | undefined;
}

export interface ColumnRule {
  readonly match: readonly Glob[];
  readonly mask: MaskMethod;
  readonly reason: string | undefined;
  readonly place: Place;
}

/** Which rows are there: those of a predicate, or those of a secure view that is read in the table's place. */
export interface RowRule {
  readonly on: Glob;
  readonly where: Predicate | undefined;
  readonly secureView: ObjectName | undefined;
  readonly place: Place;
}

/** What to look for in texts that leave, and the columns whose texts are left alone. */
export interface Detection {
  readonly rules: readonly DetectRule[];
  readonly except: readonly Glob[];
  readonly place: Place;
}

export interface Policy {
  readonly name: string;
  readonly description: string;
  readonly file: string;
  readonly principals: PolicyFile['principals'];
  /** Whose principals they are; undefined where no issuer is known: policies tried without a configuration. */
  readonly issuers: readonly string[] | undefined;
  readonly subjectGlobs: readonly ((text: string) => boolean)[] | undefined;
  readonly exceptGlobs: readonly ((text: string) => boolean)[] | undefined;
  readonly role: string;
  readonly warehouse: string;
  readonly rules: readonly Rule[];
  readonly columns: readonly ColumnRule[];
  readonly rows: readonly RowRule[];
  readonly functions: readonly Glob[];
  /** Views that are read as they are where their text can't be. */
  readonly trustedViews: readonly Glob[];
  /** Virtual columns that are not hidden with what they are made of. */
  readonly trustedColumns: readonly Glob[];
  readonly detect: readonly Detection[];
  /** A change may copy what is masked, as it is masked. */
  readonly writeMasked: boolean;
  readonly limits: PolicyFile['limits'];
  readonly record: PolicyFile['record'];
  /** As it was written, for telling what another version of it would open. */
  readonly written: PolicyFile;
  /** Kinds that some rule allows, or allows with approval. */
  readonly kinds: ReadonlySet<StatementKind>;
  /** The same rules, masks and row predicates, to be found by name. */
  readonly index: {
    readonly rules: GlobIndex<Rule>;
    readonly columns: GlobIndex<ColumnRule>;
    readonly rows: GlobIndex<RowRule>;
  };
}

export interface PolicySet {
  readonly folder: string;
  readonly policies: readonly Policy[];
  /** That principals can come from; none where no configuration and no file names any. */
  readonly issuers: readonly string[];
  /** SHA-256, hexadecimal, over names and contents of all files: which set of rules made a verdict. */
  readonly version: string;
}

/** Three dotted parts, folded where unquoted; undefined where it is something else. */
function objectName(text: string): ObjectName | undefined {
  const parts = [...text.matchAll(/"((?:[^"]|"")+)"|([A-Za-z_][\w$]*)/g)];
  if (parts.length !== 3 || parts.map(([part]) => part).join('.') !== text.trim()) return undefined;
  const [database = '', schema = '', name = ''] = parts.map(
    (part) => part[1]?.replaceAll('""', '"') ?? (part[2] ?? '').toUpperCase(),
  );
  return { database, schema, name };
}

class Source {
  readonly name: string;
  readonly problems: Problem[] = [];
  readonly #document: ReturnType<typeof parseDocument>;
  readonly #lines = new LineCounter();

  constructor(name: string, text: string) {
    this.name = name;
    this.#document = parseDocument(text, { lineCounter: this.#lines, uniqueKeys: true });
    for (const error of this.#document.errors) this.#report(error.pos[0], error.message.split('\n')[0] ?? 'not YAML');
  }

  get data(): unknown {
    return this.#document.toJS({ maxAliasCount: 0 });
  }

  #report(offset: number, message: string): void {
    const { line, col } = this.#lines.linePos(offset);
    this.problems.push({ place: `${this.name}:${line}`, column: col, message });
  }

  /** The deepest node on the path that exists: a missing key is reported at its parent. */
  #offset(path: readonly PropertyKey[]): number {
    let node: unknown = this.#document.contents;
    for (const step of path) {
      let next: unknown;
      if (isMap(node)) next = node.items.find((pair) => String(pair.key) === String(step))?.value;
      else if (isSeq(node)) next = node.items[Number(step)];
      if (next === undefined || next === null) break;
      node = next;
    }
    return (node as Node | null)?.range?.[0] ?? 0;
  }

  place(path: readonly PropertyKey[]): Place {
    return `${this.name}:${this.#lines.linePos(this.#offset(path)).line}`;
  }

  report(path: readonly PropertyKey[], message: string): void {
    this.#report(this.#offset(path), message);
  }

  reportZod(error: z.ZodError): void {
    for (const issue of error.issues) {
      const unknown = issue.code === 'unrecognized_keys' ? issue.keys : [];
      if (unknown.length === 0)
        this.report(issue.path, `${issue.path.map(String).join('.') || 'The file'}: ${issue.message}`);
      for (const key of unknown) this.report([...issue.path, key], `Unknown key "${key}".${suggestion(key)}`);
    }
  }
}

const KEYS = [
  'policy',
  'description',
  'principals',
  'issuer',
  'groups',
  'subjects',
  'claims',
  'except',
  'hours',
  'snowflake',
  'role',
  'warehouse',
  'rules',
  'allow',
  'deny',
  'approve',
  'on',
  'reason',
  'when',
  'by',
  'columns',
  'match',
  'mask',
  'rows',
  'where',
  'functions',
  'views',
  'trusted',
  'virtual_columns',
  'detect',
  'find',
  'pattern',
  'secure_view',
  'write_masked',
  'limits',
  'result_bytes',
  'timeout',
  'statements_per_hour',
  'concurrent',
  'bytes_scanned_per_statement',
  'bytes_scanned_per_day',
  'no_where',
  'purpose_missing',
  'function',
  'bytes_scanned_over',
  'rows_affected_over',
  'description',
  'count',
  'within',
  'tolerance',
  'timezone',
  'between',
  'days',
  'record',
  'purpose',
  'results',
];

/** Edits that turn one word into the other (Levenshtein); where they are more than `most`, some number above that. */
export function distance(left: string, right: string, most = Number.POSITIVE_INFINITY): number {
  if (Math.abs(left.length - right.length) > most) return most + 1;
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++)
      next.push(
        Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1)),
      );
    row = next;
    if (most !== Number.POSITIVE_INFINITY && Math.min(...row) > most) return most + 1;
  }
  return row.at(-1) ?? 0;
}

function suggestion(key: string): string {
  const best = KEYS.map((known) => ({ known, edits: distance(key, known) })).sort((a, b) => a.edits - b.edits)[0];
  return best && best.edits <= 2 ? ` Did you mean "${best.known}"?` : '';
}

/** What can be done to a value whose type nobody knows. */
const PATH_METHODS = new Set<MaskMethod['kind']>([
  'null',
  'redact',
  'constant',
  'hash',
  'email',
  'keep_first',
  'keep_last',
]);

/** Reads a predicate, and reports what is wrong with it. */
function predicate(source: Source, path: readonly PropertyKey[], text: string): Predicate | undefined {
  try {
    return parsePredicate(text);
  } catch (error) {
    if (!(error instanceof PredicateProblem)) throw error;
    source.report(path, error.message);
    return undefined;
  }
}

const none = (): boolean => false;

function build(source: Source, file: PolicyFile, known: KnownIssuers): Policy {
  reportIssuers(file, known, (path, message) => source.report(path, message));
  const glob = (text: string, length: number, path: readonly PropertyKey[], parse = parseGlob): Glob => {
    try {
      return parse(text, length);
    } catch (error) {
      source.report(path, error instanceof GlobError ? error.message : String(error));
      const last = { spelling: '', pattern: '', matches: none };
      return { source: text, literals: ['', '', '', ''], last, weight: 0, matches: none, reaches: none, covers: none };
    }
  };
  const all = (texts: readonly string[], length: number, path: readonly PropertyKey[]): Glob[] =>
    texts.map((text, index) => glob(text, length, [...path, index]));
  const rules = file.rules.map((rule, index): Rule => {
    const path = ['rules', index];
    const effects = (['deny', 'approve', 'allow'] as const).filter((name) => rule[name] !== undefined);
    const effect = effects[0] ?? 'deny';
    if (effects.length !== 1) source.report(path, 'A rule has exactly one of allow, deny and approve.');
    if (rule.when && !Object.values(rule.when).some((value) => value !== undefined && value !== false))
      source.report(
        [...path, 'when'],
        'This condition names nothing, so the rule would never apply. Take it out, or name one.',
      );
    if (effect === 'approve' && !rule.by) source.report(path, 'An approve rule says by whom: "by: { groups: […] }".');
    return {
      effect,
      kinds: new Set(rule[effect] ?? []),
      on: all(rule.on, 3, [...path, 'on']),
      reason: rule.reason,
      place: source.place(path),
      by: rule.by && { ...rule.by, issuers: issuersOf(rule.by.issuer, known) ?? [] },
      when: rule.when
        ? {
            noWhere: rule.when.no_where === true,
            purposeMissing: rule.when.purpose_missing === true,
            functions: (rule.when.function ?? []).map((name) => name.toUpperCase()),
            bytesOver: rule.when.bytes_scanned_over,
            rowsOver: rule.when.rows_affected_over,
          }
        : undefined,
    };
  });
  // A rule is known by its place: what reviewers granted for one, and what was recorded of it, must not stand for another.
  const places = new Set<Place>();
  for (const [index, { place }] of rules.entries()) {
    if (places.has(place))
      source.report(['rules', index], 'Another rule begins on this line. Write each rule on a line of its own.');
    places.add(place);
  }
  const rows = file.rows.map((row, index): RowRule => {
    const { where: text, secure_view: view } = row;
    if ((text === undefined) === (view === undefined))
      source.report(['rows', index], 'A row rule has exactly one of where and secure_view.');
    const where = text === undefined ? undefined : predicate(source, ['rows', index, 'where'], text);
    const secureView = view === undefined ? undefined : objectName(view);
    if (view !== undefined && !secureView)
      source.report(['rows', index, 'secure_view'], 'A secure view is named in full: DATABASE.SCHEMA.VIEW.');
    const on = glob(row.on, 3, ['rows', index, 'on']);
    if (secureView && (on.literals.length !== 3 || on.literals.some((part) => part === undefined)))
      source.report(['rows', index, 'on'], 'A secure view stands for one table, so "on" has no *.');
    return { on, where, secureView, place: source.place(['rows', index]) };
  });
  const columns = file.columns.map(
    (column, index): ColumnRule => ({
      match: column.match.map((text, at) => {
        const path = ['columns', index, 'match', at];
        const found = glob(text, 4, path, parseColumnGlob);
        if (found.path && !PATH_METHODS.has(column.mask.kind))
          source.report(
            path,
            `A value within a column can't be masked by ${column.mask.kind}: ${[...PATH_METHODS].join(', ')} can.`,
          );
        return found;
      }),
      mask: column.mask,
      reason: column.reason,
      place: source.place(['columns', index]),
    }),
  );
  const index = { rules: new GlobIndex<Rule>(), columns: new GlobIndex<ColumnRule>(), rows: new GlobIndex<RowRule>() };
  for (const rule of rules) for (const on of rule.on) index.rules.add(on, rule);
  for (const column of columns) for (const match of column.match) index.columns.add(match, column);
  for (const row of rows) index.rows.add(row.on, row);
  const { hours } = file.principals;
  if (hours && !isZone(hours.timezone))
    source.report(['principals', 'hours', 'timezone'], `"${hours.timezone}" is no time zone.`);
  return {
    name: file.policy,
    description: file.description ?? '',
    file: source.name,
    principals: file.principals,
    issuers: issuersOf(file.principals.issuer, known),
    subjectGlobs: file.principals.subjects?.map(parseTextGlob),
    exceptGlobs: file.principals.except?.subjects?.map(parseTextGlob),
    role: file.snowflake.role,
    warehouse: file.snowflake.warehouse,
    rules,
    columns,
    rows,
    // A name without dots is one of Snowflake's own functions.
    functions: (file.functions?.allow ?? []).map((text, index) => {
      const path = ['functions', 'allow', index];
      const found = glob(text, /^[A-Za-z_][\w$]*$/.test(text) ? 1 : 3, path);
      if (found.literals[0] === HASH_PARTS[0] && found.matches(HASH_PARTS))
        source.report(
          path,
          `${HASH_FUNCTION} makes the masks and can be called by nobody: with guesses of theirs they would find hidden values. Take it out, or name the functions that you mean.`,
        );
      return found;
    }),
    trustedViews: all(file.views?.trusted ?? [], 3, ['views', 'trusted']),
    trustedColumns: all(file.virtual_columns?.trusted ?? [], 4, ['virtual_columns', 'trusted']),
    detect: file.detect.map((entry, index) => ({
      rules: entry.find.map((wanted, at): DetectRule => {
        const { mask } = entry;
        if (typeof wanted === 'string') return { name: wanted, pattern: undefined, mask };
        try {
          return { name: wanted.name, pattern: patternFinder(wanted.pattern), mask };
        } catch (error) {
          source.report(
            ['detect', index, 'find', at, 'pattern'],
            error instanceof Error ? error.message : String(error),
          );
          return { name: wanted.name, pattern: () => undefined, mask };
        }
      }),
      except: all(entry.except ?? [], 4, ['detect', index, 'except']),
      place: source.place(['detect', index]),
    })),
    writeMasked: file.write_masked === 'allow',
    limits: file.limits,
    record: file.record,
    written: file,
    kinds: new Set(rules.flatMap((rule) => (rule.effect === 'deny' ? [] : [...rule.kinds]))),
    index,
  };
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** The text of a file. What is no UTF-8 may have been cut within a letter, or be read otherwise by somebody else. */
function textOf(place: Place, bytes: Buffer, problems: Problem[]): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    problems.push({ place: `${place}:1`, column: 1, message: 'This is not UTF-8.' });
    return undefined;
  }
}

/**
 * The set that was read: whole, and as `policies.sha256` says where there is one. `issuers`: those that tokens are taken from, where a
 * configuration says so. Throws PolicyProblems with all that is wrong.
 */
export async function policiesOf(folder: string, reading: Reading, issuers?: readonly string[]): Promise<PolicySet> {
  const problems: Problem[] = [...sumProblems(folder, reading)];
  const policies: Policy[] = [];
  const read: { readonly source: Source; readonly file: PolicyFile | undefined }[] = [];
  // Thousands of row rules often have one text.
  const asked = new Map<string, Promise<string | undefined>>();
  const understood = (where: Predicate): Promise<string | undefined> => {
    const known = asked.get(where.text) ?? notUnderstood(where);
    asked.set(where.text, known);
    return known;
  };
  for (const { name, bytes } of reading.files) {
    const place = `${basename(folder)}/${name}`;
    const text = textOf(place, bytes, problems);
    if (text === undefined) continue;
    const source = new Source(place, text);
    const parsed = source.problems.length === 0 ? policyFile.safeParse(source.data) : undefined;
    if (parsed?.error) source.reportZod(parsed.error);
    read.push({ source, file: parsed?.data });
  }
  const known = knownIssuers(
    issuers,
    read.flatMap(({ file }) => file ?? []),
  );
  for (const { source, file } of read) {
    if (file) {
      const policy = build(source, file, known);
      policies.push(policy);
      for (const [index, { where }] of policy.rows.entries()) {
        const problem = where && (await understood(where));
        if (problem) source.report(['rows', index, 'where'], problem);
      }
    }
    problems.push(...source.problems);
  }
  for (const policy of policies) {
    const other = policies.find((candidate) => candidate !== policy && candidate.name === policy.name);
    if (other && other.file < policy.file)
      problems.push({ place: `${policy.file}:1`, column: 1, message: `${other.file} is called "${policy.name}" too.` });
  }
  if (problems.length > 0) throw new PolicyProblems(problems);
  return { folder, policies, issuers: known.all, version: reading.version };
}

const READ_TRIES = 50;
const READ_AGAIN_MS = 20;

async function readNow(folder: string): Promise<Reading> {
  for (let tries = 1; ; tries++) {
    try {
      return await readFolder(folder);
    } catch (error) {
      if (!(error instanceof FolderMoves) || tries === READ_TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, READ_AGAIN_MS));
    }
  }
}

/** Loads every `.yaml` and `.yml` file of a folder as it is now. `issuers` as above. Throws PolicyProblems with all that is wrong. */
export const loadPolicies = async (folder: string, issuers?: readonly string[]): Promise<PolicySet> =>
  policiesOf(folder, await readNow(folder), issuers);

/** The text of `policies.sha256` for a folder as it is now, whatever stands there. Throws PolicyProblems where its policies are unsound. */
export async function policySums(folder: string): Promise<string> {
  const reading = await readNow(folder);
  await policiesOf(folder, { ...reading, sums: undefined });
  return sumsOf(reading.files);
}
