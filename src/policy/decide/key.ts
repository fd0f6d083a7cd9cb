/** The function that hashes masked values, and the table that holds its key: nobody gets at either, whatever policies say. */
import { HASH_FUNCTION, HASH_KEY, HASH_PARTS } from '../../masking/index.js';
import {
  type Analysis,
  type FullAnalysis,
  isOperator,
  type ObjectName,
  type Position,
  positionAt,
  type Statement,
  type Token,
} from '../../sql/index.js';

const nameOf = ({ kind, text }: Token): string =>
  kind === 'quoted' ? text.slice(1, -1).replaceAll('""', '"') : text.toUpperCase();

/** Where a text names the masking function, whatever an analysis makes of it. */
function hashIn({ tokens, source }: Pick<Statement, 'tokens' | 'source'>): Position | undefined {
  const call = tokens.find((_first, at) =>
    HASH_PARTS.every((part, index) => {
      const token = tokens[at + 2 * index];
      const isLast = index === HASH_PARTS.length - 1;
      const isName = token?.kind === 'word' || token?.kind === 'quoted';
      return isName && nameOf(token) === part && (isLast || isOperator(tokens[at + 2 * index + 1], '.'));
    }),
  );
  return call && positionAt(source, call.start);
}

export interface HashDenial {
  readonly code: 'FUNCTION_DENIED' | 'OBJECT_DENIED';
  readonly message: string;
  readonly position: Position | undefined;
  readonly hint: string | undefined;
}

const hashDenial = (position: Position | undefined): HashDenial => ({
  code: 'FUNCTION_DENIED',
  message: `${HASH_FUNCTION} makes the masks, and nobody may call it.`,
  position,
  hint: 'Leave it out.',
});

/**
 * Refuses a statement that names the function which hashes masked values. It has the key, so whoever may call it with values of their
 * own finds hidden ones by comparing: nobody may, whatever policies list. Our own texts call it after this.
 */
export function denyHash(statement: Statement): HashDenial | undefined {
  const position = hashIn(statement);
  return position && hashDenial(position);
}

/** The same of what the analysis found, and of the views that a statement reads. */
export function denyHashBelow({ functions, views }: FullAnalysis): HashDenial | undefined {
  const use = functions.find(({ name }) => name.toUpperCase() === HASH_FUNCTION);
  if (use) return hashDenial(use.position);
  return [...views.values()].some(({ statement }) => hashIn(statement)) ? hashDenial(undefined) : undefined;
}

/** Whether this is where the key is. */
export const isKeyTable = ({ database, schema }: ObjectName): boolean =>
  database === HASH_KEY.database && schema === HASH_KEY.schema;

/** The same of the table that holds the key, which no role of the gateway may read anyhow; what views read is not named. */
export function denyKey({ objects }: Analysis): HashDenial | undefined {
  const use = objects.find(({ object, via }) => isKeyTable(object) && via.length === 0);
  return (
    use && {
      code: 'OBJECT_DENIED',
      message: `What is in ${HASH_KEY.database}.${HASH_KEY.schema} makes the masks, and nobody may read it.`,
      position: use.position,
      hint: undefined,
    }
  );
}
