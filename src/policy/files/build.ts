/**
 * A policy out of its file: each rule, mask and detection with its place, and globs and predicates read. What is wrong goes down with its
 * place in the file, in the order in which the file is gone through here.
 */
import { type DetectRule, HASH_FUNCTION, HASH_PARTS, type MaskMethod, patternFinder } from '../../masking/index.js';
import type { Source } from '../../mistakes/index.js';
import type { ObjectName } from '../../sql/index.js';
import { type Glob, GlobError, GlobIndex, parseColumnGlob, parseGlob, parseTextGlob } from '../rules/globs.js';
import { issuersOf, type KnownIssuers, reportIssuers } from '../rules/issuers.js';
import type { ColumnRule, Detection, Policy, RowRule, Rule } from '../rules/policy.js';
import { type Predicate, PredicateProblem, parsePredicate } from '../rules/predicate.js';
import type { Place } from '../rules/problems.js';
import type { PolicyFile } from '../rules/schema.js';

type Path = readonly PropertyKey[];

const none = (): boolean => false;

/** Reads a glob, and reports what is wrong with it: one that matches nothing stands for it then. */
function globAt(source: Source, path: Path, text: string, length: number, parse = parseGlob): Glob {
  try {
    return parse(text, length);
  } catch (error) {
    source.report(path, error instanceof GlobError ? error.message : String(error));
    const last = { spelling: '', pattern: '', matches: none };
    return { source: text, literals: ['', '', '', ''], last, weight: 0, matches: none, reaches: none, covers: none };
  }
}

const globsAt = (source: Source, path: Path, texts: readonly string[], length: number): Glob[] =>
  texts.map((text, index) => globAt(source, [...path, index], text, length));

/** Reads a predicate, and reports what is wrong with it. */
function predicateAt(source: Source, path: Path, text: string): Predicate | undefined {
  try {
    return parsePredicate(text);
  } catch (error) {
    if (!(error instanceof PredicateProblem)) throw error;
    source.report(path, error.message);
    return undefined;
  }
}

function rulesOf(source: Source, file: PolicyFile, known: KnownIssuers): readonly Rule[] {
  const rules = file.rules.map((rule, index): Rule => {
    const path = ['rules', index];
    const effects = (['deny', 'approve', 'allow'] as const).filter((name) => rule[name] !== undefined);
    const effect = effects[0] ?? 'deny';
    if (effects.length !== 1) source.report(path, 'A rule has to have exactly one of allow, deny and approve.');
    if (rule.when && !Object.values(rule.when).some((value) => value !== undefined && value !== false))
      source.report(
        [...path, 'when'],
        'This condition names nothing, so the rule would never apply. Take it out, or name one.',
      );
    if (effect === 'approve' && !rule.by) source.report(path, 'An approve rule says by whom: "by: { groups: […] }".');
    return {
      effect,
      kinds: new Set(rule[effect] ?? []),
      on: globsAt(source, [...path, 'on'], rule.on, 3),
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
  return rules;
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

function rowsOf(source: Source, file: PolicyFile): readonly RowRule[] {
  return file.rows.map((row, index): RowRule => {
    const { where: text, secure_view: view } = row;
    if ((text === undefined) === (view === undefined))
      source.report(['rows', index], 'A row rule has to have exactly one of where and secure_view.');
    const where = text === undefined ? undefined : predicateAt(source, ['rows', index, 'where'], text);
    const secureView = view === undefined ? undefined : objectName(view);
    if (view !== undefined && !secureView)
      source.report(['rows', index, 'secure_view'], 'A secure view has to be named in full: DATABASE.SCHEMA.VIEW.');
    const on = globAt(source, ['rows', index, 'on'], row.on, 3);
    if (secureView && (on.literals.length !== 3 || on.literals.some((part) => part === undefined)))
      source.report(
        ['rows', index, 'on'],
        'A secure view stands for one table: "on" has to name it in full, without *.',
      );
    return { on, where, secureView, place: source.place(['rows', index]) };
  });
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

function columnsOf(source: Source, file: PolicyFile): readonly ColumnRule[] {
  return file.columns.map(
    (column, index): ColumnRule => ({
      match: column.match.map((text, at) => {
        const path = ['columns', index, 'match', at];
        const found = globAt(source, path, text, 4, parseColumnGlob);
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
}

/** A name without dots is one of Snowflake's own functions. */
function functionsOf(source: Source, file: PolicyFile): readonly Glob[] {
  return (file.functions?.allow ?? []).map((text, index) => {
    const path = ['functions', 'allow', index];
    const found = globAt(source, path, text, /^[A-Za-z_][\w$]*$/.test(text) ? 1 : 3);
    if (found.literals[0] === HASH_PARTS[0] && found.matches(HASH_PARTS))
      source.report(
        path,
        `${HASH_FUNCTION} makes the masks and can be called by nobody: with guesses of theirs they would find hidden values. Take it out, or name the functions that you mean.`,
      );
    return found;
  });
}

function detectionsOf(source: Source, file: PolicyFile): readonly Detection[] {
  return file.detect.map((entry, index) => ({
    rules: entry.find.map((wanted, at): DetectRule => {
      const { mask } = entry;
      if (typeof wanted === 'string') return { name: wanted, pattern: undefined, mask };
      try {
        return { name: wanted.name, pattern: patternFinder(wanted.pattern), mask };
      } catch (error) {
        source.report(['detect', index, 'find', at, 'pattern'], error instanceof Error ? error.message : String(error));
        return { name: wanted.name, pattern: () => undefined, mask };
      }
    }),
    except: globsAt(source, ['detect', index, 'except'], entry.except ?? [], 4),
    place: source.place(['detect', index]),
  }));
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

export function build(source: Source, file: PolicyFile, known: KnownIssuers): Policy {
  reportIssuers(file, known, (path, message) => source.report(path, message));
  const rules = rulesOf(source, file, known);
  const rows = rowsOf(source, file);
  const columns = columnsOf(source, file);
  const index = { rules: new GlobIndex<Rule>(), columns: new GlobIndex<ColumnRule>(), rows: new GlobIndex<RowRule>() };
  for (const rule of rules) for (const on of rule.on) index.rules.add(on, rule);
  for (const column of columns) for (const match of column.match) index.columns.add(match, column);
  for (const row of rows) index.rows.add(row.on, row);
  const { hours } = file.principals;
  if (hours && !isZone(hours.timezone))
    source.report(
      ['principals', 'hours', 'timezone'],
      `"${hours.timezone}" is no time zone: it has to be a name such as Europe/Berlin, or UTC.`,
    );
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
    functions: functionsOf(source, file),
    trustedViews: globsAt(source, ['views', 'trusted'], file.views?.trusted ?? [], 3),
    trustedColumns: globsAt(source, ['virtual_columns', 'trusted'], file.virtual_columns?.trusted ?? [], 4),
    detect: detectionsOf(source, file),
    writeMasked: file.write_masked === 'allow',
    limits: file.limits,
    record: file.record,
    written: file,
    kinds: new Set(rules.flatMap((rule) => (rule.effect === 'deny' ? [] : [...rule.kinds]))),
    index,
  };
}
