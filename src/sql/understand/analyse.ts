/**
 * A statement analysed: which objects it reads and writes, views opened down to their base tables, which columns it touches,
 * which functions it calls, where in the text each of them stands.
 */
import type {
  ColumnUsage,
  ColumnUse,
  FullAnalysis,
  FunctionUse,
  ObjectUse,
  Origin,
  Unowned,
} from '../analysis/analysis.js';
import { Budget, type Count, PART } from '../analysis/budget.js';
import {
  type CatalogReader,
  type Defaults,
  type ObjectName,
  objectKey,
  type RelationInfo,
  showObject,
} from '../analysis/catalog.js';
import { spending } from '../analysis/spending.js';
import { byWhichever, type Findings, Resolver } from '../names/index.js';
import { loadParsers } from '../opinion/parsers.js';
import { isUnknown, union } from '../scope/origins.js';
import { Relations } from '../scope/relations.js';
import { isOperator, isWord, lex } from '../text/lex.js';
import { Refusal, tooMuch } from '../text/refusal.js';
import { type ParsedStatement, parseStatement, positionOf, readStatement, type Statement } from '../text/statement.js';
import { asBody, nodeOf } from '../text/tree.js';
import { isName, nameOf } from '../words/claims.js';
import { mapAtOnce } from './at-once.js';

const MAX_VIEW_DEPTH = 16;
/** Different tables and views that one text names: each may be a question to the warehouse. */
const MAX_NAMES = 100;
/** The same of a statement and all the views that it reads. */
const MAX_OBJECTS = 256;
/**
 * Steps for one that is looked up, and for each of its columns: waiting for the warehouse is no work, to ask it and to read its answer is. They
 * count whether somebody has asked before or not, so that a statement costs the same each time.
 */
const LOOKED_UP = 1000;
const COLUMN_READ = 2;
/** A role's connections are few, and others wait for them. */
const LOOKED_UP_AT_ONCE = 4;

interface Walk {
  readonly findings: Findings;
  readonly outputs: FullAnalysis['outputs'];
  readonly hasWhere: boolean;
  readonly changes: FullAnalysis['changes'];
  readonly functions: readonly FunctionUse[];
  readonly called: ReadonlySet<string>;
  readonly unowned: readonly Unowned[];
  readonly words: FullAnalysis['words'];
}

function walk(statement: ParsedStatement, relations: Relations, defaults: Defaults, budget: Budget): Walk {
  const resolver = new Resolver(statement, relations, defaults, budget);
  const node = nodeOf(statement.tree);
  const body = node?.body ?? {};
  switch (statement.kind) {
    case 'select': {
      const outputs = resolver.query(statement.tree, new Map(), undefined);
      resolver.resampled();
      return { findings: resolver.findings, outputs, hasWhere: true, changes: [], words: [], ...resolver.owners() };
    }
    case 'insert':
    case 'update':
    case 'delete':
    case 'merge': {
      // INSERT ALL and its like come as other nodes.
      if (node?.kind !== statement.kind)
        throw new Refusal(
          'NOT_UNDERSTOOD',
          `This form of ${statement.kind.toUpperCase()} is not understood.`,
          positionOf(statement, 0),
        );
      const changes = resolver.change(statement.kind, body);
      resolver.resampled();
      const owners = resolver.owners();
      const hasWhere = resolver.hasPredicate(statement.kind);
      return { findings: resolver.findings, outputs: [], hasWhere, changes, ...owners, words: resolver.words() };
    }
    case 'describe': {
      const described = asBody(body['target']);
      const isTable = isWord(statement.tokens[1], 'TABLE', 'VIEW') && nodeOf(described)?.kind === 'table';
      if (!isTable) throw notAnalysed(statement, 'Use the describe tool.');
      // A description reads no rows; its object counts as read all the same.
      const target = resolver.target(described);
      const findings = {
        ...resolver.findings,
        tables: [{ object: target.object, access: 'read' as const, token: target.from }],
        targets: [target],
      };
      return {
        findings,
        outputs: [],
        hasWhere: true,
        changes: [],
        functions: [],
        called: new Set(),
        unowned: [],
        words: [],
      };
    }
    default:
      throw notAnalysed(
        statement,
        statement.kind === 'show' ? 'Use the describe tool: it lists what you may see.' : undefined,
      );
  }
}

function notAnalysed(statement: Statement, hint: string | undefined): Refusal {
  return new Refusal(
    'NOT_UNDERSTOOD',
    `${statement.kind.replaceAll('_', ' ').toUpperCase()} statements are not analysed, so they are not run.`,
    positionOf(statement, 0),
    hint,
  );
}

/** The query in a view's text, after CREATE … AS. Throws where the text does not look like that. */
function viewQuery(relation: RelationInfo): Statement {
  const refuse = (why: string): Refusal => notOpened(relation, why);
  if (relation.viewText === undefined || relation.viewText.trim() === '')
    throw refuse(relation.unreadable ?? 'its text is not visible to the gateway');
  let tokens: ReturnType<typeof lex>;
  try {
    tokens = lex(relation.viewText);
  } catch {
    throw refuse('its text is not plain SQL');
  }
  let depth = 0;
  const as = tokens.findIndex((token) => {
    if (isOperator(token, '(')) depth++;
    if (isOperator(token, ')')) depth--;
    return depth === 0 && isWord(token, 'AS');
  });
  const rest = tokens[as + 1];
  if (as < 0 || !rest || !isWord(tokens[0], 'CREATE')) throw refuse('its text does not begin with CREATE VIEW … AS');
  const text = relation.viewText.slice(rest.start);
  const query = understood(relation, () => readStatement(text));
  if (query.kind !== 'select') throw refuse('it is not made of a SELECT');
  return query;
}

interface Opened {
  /** What the catalog was asked for, whether it is there or not. */
  readonly asked: Set<string>;
  readonly relations: Relations;
  /** Views that were begun with: one that reads itself is opened once. */
  readonly begun: Set<string>;
  readonly views: Map<string, FullAnalysis>;
  /** Views that can't be opened, with the reason: told once it is known that they may be read. */
  readonly closed: Map<string, Refusal>;
  /** What views read that may not be read: nothing of it is looked up, and the view is not opened. */
  readonly barred: Map<string, readonly ObjectName[]>;
  /** Of the whole judgement. */
  readonly budget: Budget;
}

const nothingOpened = (budget: Budget): Opened => ({
  asked: new Set(),
  relations: new Relations(),
  begun: new Set(),
  views: new Map(),
  closed: new Map(),
  barred: new Map(),
  budget,
});

/** Whether something may be looked up that only a view's text names. */
export type MayBeRead = (object: ObjectName) => boolean;

interface LookUp {
  readonly reader: CatalogReader;
  readonly mayBeRead: MayBeRead;
  readonly opened: Opened;
  /** Of the budget, for the statement that was sent. */
  readonly spend: Count;
}

/** The tables and views of a walk, each once. Throws a Refusal where they are too many. */
function namesOf({ findings }: Walk): ReadonlyMap<string, ObjectName> {
  const names = new Map(findings.tables.map(({ object }) => [objectKey(object), object]));
  if (names.size > MAX_NAMES)
    throw new Refusal(
      'NOT_UNDERSTOOD',
      `The statement names more than ${MAX_NAMES} tables and views.`,
      undefined,
      'Split it into smaller ones.',
    );
  return names;
}

/** Looks up what a text names, some at a time, and opens the views among it. */
async function load(names: ReadonlyMap<string, ObjectName>, lookUp: LookUp, depth: number): Promise<void> {
  const { reader, opened, spend } = lookUp;
  const wanted = [...names].filter(([key]) => !opened.asked.has(key));
  if (opened.asked.size + wanted.length > MAX_OBJECTS)
    throw new Refusal('NOT_UNDERSTOOD', `The statement reads more than ${MAX_OBJECTS} objects.`);
  for (const [key] of wanted) opened.asked.add(key);
  const looking = mapAtOnce(wanted, LOOKED_UP_AT_ONCE, async ([key, object]) => {
    const relation = await reader.relation(object);
    if (relation) opened.relations.set(key, relation);
  });
  await opened.budget.waitFor(looking);
  const read = wanted.reduce((sum, [key]) => sum + (opened.relations.get(key)?.columns.length ?? 0), 0);
  spend(LOOKED_UP * wanted.length + COLUMN_READ * read);
  for (const key of names.keys()) {
    const relation = opened.relations.get(key);
    if (relation?.kind === 'view' && !opened.begun.has(key)) await open(relation, lookUp, depth);
  }
}

async function open(relation: RelationInfo, lookUp: LookUp, depth: number): Promise<void> {
  const { opened, mayBeRead } = lookUp;
  const key = objectKey(relation);
  opened.begun.add(key);
  try {
    if (depth >= MAX_VIEW_DEPTH) throw notOpened(relation, `views are nested more than ${MAX_VIEW_DEPTH} deep`);
    const query = viewQuery(relation);
    // Names in a view's text are completed by the view's own place (documentation page sql/create-view).
    const own = { database: relation.database, schema: relation.schema };
    const inside = understood(relation, () => parseStatement(query));
    const names = understood(relation, () => namesOf(walk(inside, new Relations(), own, opened.budget)));
    const barred = [...names.values()].filter((object) => !mayBeRead(object));
    if (barred.length > 0) {
      opened.barred.set(key, barred);
      return;
    }
    await load(names, lookUp, depth + 1);
    opened.views.set(
      key,
      understood(relation, () => finish(inside, own, opened, [relation])),
    );
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    opened.closed.set(key, error);
  }
}

const notOpened = (relation: RelationInfo, why: string): Refusal =>
  new Refusal(
    'NOT_UNDERSTOOD',
    `The view ${showObject(relation)} can't be opened: ${why}.`,
    undefined,
    'Read its base tables instead, or ask for a policy that trusts this view.',
  );

/** What is not understood within a view is told without its words and places: whoever reads the view need not know its text. */
function understood<T>(relation: RelationInfo, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Refusal) throw notOpened(relation, 'its text is not understood');
    throw error;
  }
}

/** The analysis proper, once every relation is known that may be. */
const finish = (
  statement: ParsedStatement,
  defaults: Defaults,
  opened: Opened,
  via: readonly ObjectName[],
): FullAnalysis =>
  assembled(statement, defaults, opened, via, walk(statement, opened.relations, defaults, opened.budget));

function assembled(
  statement: ParsedStatement,
  defaults: Defaults,
  opened: Opened,
  via: readonly ObjectName[],
  { findings, outputs, hasWhere, changes, functions, called, unowned, words }: Walk,
): FullAnalysis {
  const spend = spending(opened.budget, statement, 'columns');
  const isOutermost = via.length === 0;
  const places = new Map<number, ReturnType<typeof positionOf>>();
  const place = (token: number) => {
    if (!isOutermost || token < 0) return undefined;
    if (!places.has(token)) places.set(token, positionOf(statement, token));
    return places.get(token);
  };
  const objects: ObjectUse[] = [];
  const columns = new Uses();
  for (const { origins, usage, token } of distinctUses(findings.uses)) {
    spend(origins.length);
    for (const { object, column } of origins)
      if (!isUnknown({ object, column })) columns.add(object, column, usage, () => ({ position: place(token), via }));
  }
  const known = new Set<string>();
  const add = (use: ObjectUse): void => {
    const key = `${use.access} ${objectKey(use.object)}`;
    if (!known.has(key)) objects.push(use);
    known.add(key);
  };
  // Those that the statement names come before those that only a view reads: an object has one entry, the most direct.
  for (const { object, access, token } of findings.tables)
    add({ object, access, relation: opened.relations.get(objectKey(object)), position: place(token), via });
  const gone = new Set<string>();
  for (const { object, token } of findings.tables) {
    const key = objectKey(object);
    // What is named twice reads nothing more.
    if (gone.has(key)) continue;
    gone.add(key);
    for (const barred of opened.barred.get(key) ?? [])
      add({ object: barred, access: 'read', relation: undefined, position: place(token), via: [...via, object] });
    const view = opened.views.get(key);
    if (!view) continue;
    spend(PART * view.objects.length + 2 * view.columns.length);
    for (const use of view.objects) add({ ...use, position: place(token), via: [...via, object, ...use.via.slice(1)] });
    const vias = new Map<readonly ObjectName[], readonly ObjectName[]>();
    for (const use of view.columns) {
      const below = vias.get(use.via) ?? [...via, object, ...use.via.slice(1)];
      vias.set(use.via, below);
      columns.add(use.object, use.column, use.usage, () => ({ position: place(token), via: below }));
    }
  }
  return {
    statement,
    kind: statement.kind,
    defaults,
    isLookedUp: opened.asked.size > 0,
    objects,
    columns: columns.all,
    places: isOutermost ? findings.uses.filter(({ token }) => token >= 0) : [],
    functions: [...functions, ...(isOutermost ? [...opened.views.values()].flatMap(functionsOfView) : [])],
    called: new Set([
      ...called,
      // Where the walk makes something else of a name, it may be a function all the same: for a rule that names it, it is one.
      ...statement.tokens.flatMap((token, at) =>
        isName(token) && isOperator(statement.tokens[at + 1], '(') ? nameOf(token) : [],
      ),
      ...[...opened.views.values()].flatMap((view) => [...view.called]),
    ]),
    outputs: opened.views.size === 0 ? outputs : outputsBelow(outputs, opened, spend),
    references: findings.references,
    longColumns: findings.longColumns,
    ownNames: findings.ownNames,
    excluded: findings.excluded,
    columnNames: findings.columnNames,
    hasStar: findings.hasStar,
    hasWhere,
    // What nobody owns in a view's text makes the view itself something that can't be opened.
    unowned: [
      ...findings.tables.flatMap(({ object, token }) => {
        const refusal = opened.closed.get(objectKey(object));
        return refusal
          ? [{ what: refusal.message, name: object.name, position: place(token), hint: refusal.hint }]
          : [];
      }),
      ...unowned,
      ...(isOutermost ? [...opened.views].flatMap(([, view]) => view.unowned.slice(0, 1).map(inView)) : []),
    ],
    changes,
    target: findings.targets[0],
    assignments: findings.assignments.map(({ column, token }) => ({
      column,
      position: place(token),
    })),
    words,
    views: opened.views,
  };
}

/** Their places are in a text that is not the agent's. */
const functionsOfView = ({ functions }: FullAnalysis): FunctionUse[] =>
  functions.map((use) => ({ ...use, position: undefined, isOfView: true }));

const inView = ({ name }: Unowned): Unowned => ({
  what: 'A view that this reads is made of something that is not understood.',
  name,
  position: undefined,
  hint: 'Read its base tables instead, or ask for a policy that trusts this view.',
});

/** The uses of each list of columns in each way, the first of them; one that no token names tells nothing more than one that some does. */
function distinctUses(uses: Findings['uses']): Findings['uses'] {
  const seen = new Map<readonly Origin[], Set<ColumnUsage>>();
  return uses.filter(({ origins, usage }) => {
    const usages = seen.get(origins) ?? new Set();
    seen.set(origins, usages);
    if (usages.has(usage)) return false;
    usages.add(usage);
    return true;
  });
}

/** Each column once for each of its usages. */
class Uses {
  readonly all: ColumnUse[] = [];
  /** By the object as it is: of a table there is one in the whole judgement (`Relations`). */
  readonly #seen = new Map<ObjectName, Map<ColumnUsage, Set<string>>>();

  add(object: ObjectName, column: string, usage: ColumnUsage, where: () => Pick<ColumnUse, 'position' | 'via'>): void {
    const ofObject = this.#seen.get(object) ?? new Map<ColumnUsage, Set<string>>();
    this.#seen.set(object, ofObject);
    const columns = ofObject.get(usage) ?? new Set();
    ofObject.set(usage, columns);
    if (columns.has(column)) return;
    columns.add(column);
    this.all.push({ object, column, usage, ...where() });
  }
}

/** A view's column comes from what its query puts there. */
function outputsBelow(outputs: FullAnalysis['outputs'], opened: Opened, count: Count): FullAnalysis['outputs'] {
  const places = new Map<string, ReadonlyMap<string, number>>();
  const placeIn = (key: string, column: string): number => {
    let known = places.get(key);
    if (!known) {
      const columns = opened.relations.get(key)?.columns ?? [];
      count(columns.length);
      // Of two of one name the first counts.
      known = new Map(columns.map(({ name }, at) => [name, at] as const).reverse());
      places.set(key, known);
    }
    return known.get(column) ?? -1;
  };
  const bases = new Map<Origin, readonly Origin[]>();
  const baseOf = (origin: Origin): readonly Origin[] => {
    const known = bases.get(origin);
    if (known) return known;
    const key = objectKey(origin.object);
    const view = opened.views.get(key);
    count(PART);
    const made = !view
      ? [origin]
      : (byWhichever(view.statement, view.outputs, count)[placeIn(key, origin.column)]?.origins ?? []);
    bases.set(origin, made);
    return made;
  };
  const lists = new Map<readonly Origin[], readonly Origin[]>();
  return outputs.map((output) => {
    let origins = lists.get(output.origins);
    if (!origins) {
      count(output.origins.length);
      origins = union(output.origins.map(baseOf), count);
      lists.set(output.origins, origins);
    }
    return { ...output, origins };
  });
}

/** A statement read by itself, before anything that it names is looked up. */
export interface Named {
  readonly parsed: ParsedStatement;
  readonly names: ReadonlyMap<string, ObjectName>;
  /** As it is where nobody knows any of its tables: what the rules say of their names can be told by it. */
  readonly analysis: FullAnalysis;
}

/** The walk goes as deep as the tree is. */
async function bounded<T>(statement: Statement, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof RangeError)
      throw tooMuch('its queries and expressions are nested too deeply', positionOf(statement, 0));
    throw error;
  }
}

/**
 * Reads what a statement names. Throws a Refusal for what the text alone shows: so what it answers is the same whatever there is.
 * `defaults` are the session's database and schema.
 */
export async function readNames(statement: Statement, defaults: Defaults, budget: Budget): Promise<Named> {
  await budget.waitFor(loadParsers());
  return bounded(statement, () => {
    const parsed = parseStatement(statement);
    const walked = walk(parsed, new Relations(), defaults, budget);
    const names = namesOf(walked);
    return { parsed, names, analysis: assembled(parsed, defaults, nothingOpened(budget), [], walked) };
  });
}

/**
 * Analyses against the catalog what was read before, and may be looked up: views are opened only as far as `mayBeRead` lets them.
 * Throws a Refusal for whatever is not fully understood, and for what takes more than is left of the `budget`.
 */
export function lookUp(
  { parsed, names, analysis: { defaults } }: Named,
  reader: CatalogReader,
  budget: Budget,
  mayBeRead: MayBeRead,
): Promise<FullAnalysis> {
  return bounded(parsed, async () => {
    const opened = nothingOpened(budget);
    // A description opens nothing.
    if (parsed.kind === 'describe') for (const key of names.keys()) opened.begun.add(key);
    await load(names, { reader, mayBeRead, opened, spend: spending(budget, parsed, 'columns') }, 0);
    return finish(parsed, defaults, opened, []);
  });
}

/** Both at once, for whoever may see all that there is. */
export async function analyse(
  statement: Statement,
  reader: CatalogReader,
  defaults: Defaults,
  budget = new Budget(),
): Promise<FullAnalysis> {
  return lookUp(await readNames(statement, defaults, budget), reader, budget, () => true);
}
