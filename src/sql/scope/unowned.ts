/** Names that nothing in sight has, as they are told: what is wrong, where, and what could have been meant. */
import { toldName } from '../../visible-text/index.js';
import type { Unowned } from '../analysis/analysis.js';
import type { Position } from '../text/refusal.js';
import { folded, type Identifier } from '../text/tree.js';
import { nearest } from './nearest.js';

/** A name that nothing has. */
interface Nobodys {
  /** Folded. */
  readonly name: string;
  /** As it is told, with its table where that is written. */
  readonly shown: string;
  /** Those that it could have been meant for. */
  readonly others: readonly string[];
  /** A table function in sight has columns that nobody has documented. */
  readonly isOpaque: boolean;
}

export function noColumn({ name, shown, others, isOpaque }: Nobodys, position: Position | undefined): Unowned {
  const near = nearest(name, others);
  const hint =
    near.length > 0
      ? `Did you mean ${near.map(toldName).join(' or ')}?`
      : isOpaque
        ? 'Which columns a table function gives is not known here: name them behind its alias, AS t (a, b).'
        : others.length === 0
          ? 'Write the name of the column with that of its table; the describe tool lists columns.'
          : 'The describe tool lists the columns of each table.';
  const isSequence = /^(?:NEXTVAL|CURRVAL)$/.test(name);
  return {
    what: isSequence
      ? `${shown}: sequences can't be used, since no rule can name them yet.`
      : `${shown} is no column of any table in sight here.`,
    name,
    position,
    hint: isSequence ? undefined : hint,
  };
}

export function noTable(identifier: Identifier, aliases: readonly string[], position: Position | undefined): Unowned {
  const near = nearest(folded(identifier), aliases);
  return {
    what: `${toldName(identifier.name)} names no table of FROM here.`,
    name: folded(identifier),
    position,
    hint:
      near.length > 0
        ? `Did you mean ${near.map(toldName).join(' or ')}?`
        : 'Use the alias, or the name of a table that this part of the statement reads.',
  };
}

export const opaqueStar = (position: Position | undefined): Unowned => ({
  what: 'Which columns * stands for is not known here: a table function in FROM has columns that nobody has documented.',
  name: '*',
  position,
  hint: 'Name its columns behind its alias, AS t (a, b), and select those.',
});

export const emptyStar = (position: Position | undefined): Unowned => ({
  what: '* stands for no column here.',
  name: '*',
  position,
  hint: 'Name a table with columns in FROM, or the columns themselves.',
});
