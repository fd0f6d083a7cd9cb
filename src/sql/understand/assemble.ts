/** The analysis, put together of a walk and of the views that were opened for it. */
import type {
  ColumnUsage,
  ColumnUse,
  FullAnalysis,
  FunctionUse,
  ObjectUse,
  Origin,
  Unowned,
} from '../analysis/analysis.js';
import { type Defaults, type ObjectName, objectKey } from '../analysis/catalog.js';
import { PART } from '../analysis/effort.js';
import { spending } from '../analysis/spending.js';
import type { Findings } from '../names/index.js';
import { isUnknown } from '../scope/origins.js';
import { isOperator } from '../text/lex.js';
import { type ParsedStatement, positionOf } from '../text/statement.js';
import { isName, nameOf } from '../words/claims.js';
import type { Opened } from './opened.js';
import { outputsBelow } from './view-columns.js';
import { type Walked, walk } from './walked.js';

/** The analysis proper, once every relation is known that may be. */
export const finish = (
  statement: ParsedStatement,
  defaults: Defaults,
  opened: Opened,
  via: readonly ObjectName[],
): FullAnalysis =>
  assembled(statement, defaults, opened, via, walk(statement, opened.relations, defaults, opened.effort));

export function assembled(
  statement: ParsedStatement,
  defaults: Defaults,
  opened: Opened,
  via: readonly ObjectName[],
  { findings, outputs, hasWhere, changes, functions, called, unowned, words }: Walked,
): FullAnalysis {
  const spend = spending(opened.effort, statement, 'columns');
  const isOutermost = via.length === 0;
  const places = new Map<number, ReturnType<typeof positionOf>>();
  const place = (token: number) => {
    if (!isOutermost || token < 0) return undefined;
    if (!places.has(token)) places.set(token, positionOf(statement, token));
    return places.get(token);
  };
  const objects = new Objects();
  const columns = new Uses();
  for (const { origins, usage, token } of distinctUses(findings.uses)) {
    spend(origins.length);
    for (const { object, column } of origins)
      if (!isUnknown({ object, column })) columns.add(object, column, usage, () => ({ position: place(token), via }));
  }
  // Those that the statement names come before those that only a view reads: an object has one entry, the most direct.
  for (const { object, access, token } of findings.tables)
    objects.add({
      object,
      access,
      relation: opened.relations.get(objectKey(object)),
      position: place(token),
      via,
      through: [],
      by: [object],
    });
  const gone = new Set<string>();
  for (const { object, token } of findings.tables) {
    const key = objectKey(object);
    // What is named twice reads nothing more.
    if (gone.has(key)) continue;
    gone.add(key);
    for (const barred of opened.barred.get(key) ?? [])
      objects.add({
        object: barred,
        access: 'read',
        relation: undefined,
        position: place(token),
        via: [...via, object],
        through: [object],
        by: [object],
      });
    const view = opened.views.get(key);
    if (!view) continue;
    spend(PART * view.objects.length + 2 * view.columns.length);
    for (const use of view.objects)
      objects.add({
        ...use,
        position: place(token),
        via: [...via, object, ...use.via.slice(1)],
        through: [object, ...use.through],
        by: [object],
      });
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
    objects: objects.all,
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

/** Each object once for each access, as it was added first; through those views alone that all ways to it lead through, by all that lead to it. */
class Objects {
  readonly #uses = new Map<string, ObjectUse>();

  get all(): readonly ObjectUse[] {
    return [...this.#uses.values()];
  }

  add(use: ObjectUse): void {
    const key = `${use.access} ${objectKey(use.object)}`;
    const known = this.#uses.get(key);
    if (!known) {
      this.#uses.set(key, use);
      return;
    }
    const others = new Set(use.through.map(objectKey));
    const named = new Set(known.by.map(objectKey));
    this.#uses.set(key, {
      ...known,
      through: known.through.filter((view) => others.has(objectKey(view))),
      by: [...known.by, ...use.by.filter((object) => !named.has(objectKey(object)))],
    });
  }
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
