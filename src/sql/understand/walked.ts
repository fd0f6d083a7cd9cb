/** One text walked, by the kind of its statement: what is found, what it gives, and which tables it names. */
import type { FullAnalysis, FunctionUse, Unowned } from '../analysis/analysis.js';
import { type Defaults, type ObjectName, objectKey } from '../analysis/catalog.js';
import type { Effort } from '../analysis/effort.js';
import { type Findings, Resolver } from '../names/index.js';
import type { Relations } from '../scope/relations.js';
import { isWord } from '../text/lex.js';
import { Refusal } from '../text/refusal.js';
import { type ParsedStatement, positionOf, type Statement } from '../text/statement.js';
import { asBody, nodeOf } from '../text/tree.js';

/** Different tables and views that one text names: each may be a question to the warehouse. */
const MAX_NAMES = 100;

export interface Walked {
  readonly findings: Findings;
  readonly outputs: FullAnalysis['outputs'];
  readonly hasWhere: boolean;
  readonly changes: FullAnalysis['changes'];
  readonly functions: readonly FunctionUse[];
  readonly called: ReadonlySet<string>;
  readonly unowned: readonly Unowned[];
  readonly words: FullAnalysis['words'];
}

/** Walks a statement by its kind. `relations` may be empty: a first walk finds out which ones are named. */
export function walk(statement: ParsedStatement, relations: Relations, defaults: Defaults, effort: Effort): Walked {
  const resolver = new Resolver(statement, relations, defaults, effort);
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

/** The tables and views of a walk, each once. Throws a Refusal where they are too many. */
export function namesOf({ findings }: Walked): ReadonlyMap<string, ObjectName> {
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
