/**
 * A statement analysed: which objects it reads and writes, views opened down to their base tables, which columns it touches,
 * which functions it calls, where in the text each of them stands.
 */
import type { Analysis, ColumnUse, FunctionUse, ObjectUse, Unowned } from './analysis.js';
import { Budget } from './budget.js';
import {
  type CatalogReader,
  type Defaults,
  type ObjectName,
  objectKey,
  type RelationInfo,
  showObject,
} from './catalog.js';
import { isOperator, isWord, lex } from './lex.js';
import { byWhichever, type Findings, isName, nameOf, Resolver } from './names/index.js';
import { loadParsers } from './parsers.js';
import { Refusal, tooMuch } from './refusal.js';
import { type ParsedStatement, parseStatement, positionOf, readStatement, type Statement } from './statement.js';
import { asBody, nodeOf } from './tree.js';

const MAX_VIEW_DEPTH = 16;
const MAX_OBJECTS = 256;

const NO_RELATIONS: ReadonlyMap<string, RelationInfo> = new Map();

interface Walk {
  readonly findings: Findings;
  readonly outputs: Analysis['outputs'];
  readonly hasWhere: boolean;
  readonly changes: Analysis['changes'];
  readonly functions: readonly FunctionUse[];
  readonly called: ReadonlySet<string>;
  readonly unowned: readonly Unowned[];
  readonly words: Analysis['words'];
}

function walk(
  statement: ParsedStatement,
  relations: ReadonlyMap<string, RelationInfo>,
  defaults: Defaults,
  budget: Budget,
): Walk {
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
  readonly relations: Map<string, RelationInfo>;
  readonly views: Map<string, Analysis>;
  /** Views that can't be opened, with the reason: told once it is known that they may be read. */
  readonly closed: Map<string, Refusal>;
  /** Of the whole judgement. */
  readonly budget: Budget;
}

async function load(
  statement: ParsedStatement,
  reader: CatalogReader,
  defaults: Defaults,
  opened: Opened,
  depth: number,
  within?: RelationInfo,
): Promise<void> {
  const look = () => walk(statement, NO_RELATIONS, defaults, opened.budget);
  const { findings } = within ? understood(within, look) : look();
  if (opened.relations.size + findings.tables.length > MAX_OBJECTS)
    throw new Refusal('NOT_UNDERSTOOD', `The statement reads more than ${MAX_OBJECTS} objects.`);
  const missing = new Map(findings.tables.map(({ object }) => [objectKey(object), object]));
  for (const [key, object] of missing) {
    if (opened.relations.has(key)) continue;
    const relation = await reader.relation(object);
    if (!relation) continue;
    opened.relations.set(key, relation);
    if (relation.kind !== 'view') continue;
    try {
      if (depth >= MAX_VIEW_DEPTH) throw notOpened(relation, `views are nested more than ${MAX_VIEW_DEPTH} deep`);
      const query = viewQuery(relation);
      // Names in a view's text are completed by the view's own place (documentation page sql/create-view).
      const own = { database: relation.database, schema: relation.schema };
      const inside = understood(relation, () => parseStatement(query));
      await load(inside, reader, own, opened, depth + 1, relation);
      opened.views.set(
        key,
        understood(relation, () => finish(inside, own, opened, [relation])),
      );
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      opened.closed.set(key, error);
    }
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

/** The analysis proper, once every relation is known. */
function finish(statement: ParsedStatement, defaults: Defaults, opened: Opened, via: readonly ObjectName[]): Analysis {
  const { findings, outputs, hasWhere, changes, functions, called, unowned, words } = walk(
    statement,
    opened.relations,
    defaults,
    opened.budget,
  );
  const spend = (steps: number): void => {
    const much = opened.budget.spend(steps, 'columns');
    if (much !== undefined) throw tooMuch(much, positionOf(statement, 0));
  };
  const isOutermost = via.length === 0;
  const places = new Map<number, ReturnType<typeof positionOf>>();
  const place = (token: number) => {
    if (!isOutermost || token < 0) return undefined;
    if (!places.has(token)) places.set(token, positionOf(statement, token));
    return places.get(token);
  };
  const objects: ObjectUse[] = [];
  const columns: ColumnUse[] = findings.columns.map(({ object, column, usage, token }) => ({
    object,
    column,
    usage,
    position: place(token),
    via,
  }));
  const add = (use: ObjectUse): void => {
    const known = objects.some(
      (other) => other.access === use.access && objectKey(other.object) === objectKey(use.object),
    );
    if (!known) objects.push(use);
  };
  // Those that the statement names come before those that only a view reads: an object has one entry, the most direct.
  for (const { object, access, token } of findings.tables)
    add({ object, access, relation: opened.relations.get(objectKey(object)), position: place(token), via });
  for (const { object, token } of findings.tables) {
    const view = opened.views.get(objectKey(object));
    if (!view || statement.kind === 'describe') continue;
    spend(view.objects.length * objects.length + view.columns.length);
    for (const use of view.objects) add({ ...use, position: place(token), via: [...via, object, ...use.via.slice(1)] });
    for (const use of view.columns)
      columns.push({ ...use, position: place(token), via: [...via, object, ...use.via.slice(1)] });
  }
  return {
    statement,
    kind: statement.kind,
    defaults,
    objects,
    columns,
    functions: [...functions, ...[...opened.views.values()].flatMap((view) => (isOutermost ? view.functions : []))],
    called: new Set([
      ...called,
      // Where the walk makes something else of a name, it may be a function all the same: for a rule that names it, it is one.
      ...statement.tokens.flatMap((token, at) =>
        isName(token) && isOperator(statement.tokens[at + 1], '(') ? nameOf(token) : [],
      ),
      ...[...opened.views.values()].flatMap((view) => [...view.called]),
    ]),
    outputs: outputs.map((output) => ({
      ...output,
      origins: output.origins.flatMap((origin) => {
        const found = baseOrigins(origin, opened);
        spend(found.length + (opened.relations.get(objectKey(origin.object))?.columns.length ?? 0));
        return found;
      }),
    })),
    references: findings.references,
    longColumns: findings.longColumns,
    ownNames: findings.ownNames,
    columnNames: findings.columnNames,
    hasStar: findings.hasStar,
    hasWhere,
    // What nobody owns in a view's text makes the view itself something that can't be opened.
    unowned: [
      ...findings.tables.flatMap(({ object, token }) => {
        // A description opens nothing.
        const refusal = statement.kind === 'describe' ? undefined : opened.closed.get(objectKey(object));
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

const inView = ({ name }: Unowned): Unowned => ({
  what: 'A view that this reads is made of something that is not understood.',
  name,
  position: undefined,
  hint: 'Read its base tables instead, or ask for a policy that trusts this view.',
});

/** A view's column comes from what its query puts there. */
function baseOrigins(
  origin: Analysis['outputs'][number]['origins'][number],
  opened: Opened,
): Analysis['outputs'][number]['origins'] {
  const view = opened.views.get(objectKey(origin.object));
  if (!view) return [origin];
  const relation = opened.relations.get(objectKey(origin.object));
  const index = relation?.columns.findIndex((column) => column.name === origin.column) ?? -1;
  return byWhichever(view.statement, view.outputs)[index]?.origins ?? [];
}

/**
 * Analyses a statement against the catalog. `defaults` are the session's database and schema.
 * Throws a Refusal for whatever is not fully understood, and for what takes more than is left of the `budget`.
 */
export async function analyse(
  statement: Statement,
  reader: CatalogReader,
  defaults: Defaults,
  budget = new Budget(),
): Promise<Analysis> {
  await loadParsers();
  try {
    const parsed = parseStatement(statement);
    const opened: Opened = { relations: new Map(), views: new Map(), closed: new Map(), budget };
    await load(parsed, reader, defaults, opened, 0);
    return finish(parsed, defaults, opened, []);
  } catch (error) {
    // The walk goes as deep as the tree is.
    if (error instanceof RangeError)
      throw tooMuch('its queries and expressions are nested too deeply', positionOf(statement, 0));
    throw error;
  }
}
