/**
 * What of Snowflake's errors is the agent's own: the words, signs and names of its statement, names of the objects that it names, and
 * places in its own text for places in the text as sent.
 */

import { Scrubber } from '../../masking/index.js';
import { detectRules, type Verdict } from '../../policy/index.js';
import { spaced, type Token, tokensOf } from '../../sql/index.js';
import { NO_WORDS, type OwnWords, type Place, type StatementFailed } from '../../warehouse/index.js';
import type { Judged } from '../judge/judged.js';

function placeIn(text: string, offset: number): Place {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

/** The offset in a text of a line from 1 and a position from 0. Behind other letters than ASCII Snowflake may count otherwise. */
function offsetOf(text: string, line: number, position: number): number | undefined {
  const lines = text.split('\n');
  const before = lines.slice(0, line - 1).reduce((sum, { length }) => sum + length + 1, 0);
  const wanted = lines[line - 1];
  const isPlain = wanted !== undefined && position >= 0 && /^[\t -~]*$/.test(wanted.slice(0, position));
  return isPlain && position < wanted.length ? before + position : undefined;
}

const nameOf = ({ kind, text }: Token): string | undefined =>
  kind === 'quoted' ? text.slice(1, -1).replaceAll('""', '"') : kind === 'word' ? text.toUpperCase() : undefined;

const literalOf = ({ kind, text }: Token): string | undefined =>
  kind === 'number' ? text : kind === 'string' ? text.slice(1, -1) : undefined;

/** Code that raises errors of its own words: functions and procedures of users. */
const callsForeignCode = ({ analysis }: Judged): boolean => {
  if (!analysis) return true;
  // Those of the views that it reads are among them.
  return analysis.functions.some((use) => use.class !== 'pure' && use.class !== 'table');
};

/** Nothing, where foreign code runs: it may raise texts that look like the compiler's (see `warehouse/errors/text.ts`). */
export function ownWords(judged: Judged): OwnWords {
  const { statement, analysis, sent } = judged;
  if (!statement || callsForeignCode(judged)) return NO_WORDS;
  const { source } = statement;
  const tokens = tokensOf(statement);
  const written = spaced(tokens);
  const isAsWritten = sent === written;
  const named = (analysis?.objects ?? [])
    .filter(({ via }) => via.length === 0)
    .flatMap(({ object }) => [object.database, object.schema, object.name]);
  const counts = new Map<string, number>();
  for (const token of tokens) {
    const name = nameOf(token);
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return {
    names: new Set([...counts.keys(), ...named]),
    words: new Set(
      tokens.flatMap(({ kind, text }) => (kind === 'word' || kind === 'operator' ? text.toUpperCase() : [])),
    ),
    literals: new Set(isAsWritten ? tokens.flatMap((token) => literalOf(token) ?? []) : []),
    placeOf: (line, position) => {
      if (!isAsWritten) return undefined;
      const offset = offsetOf(written, line, position);
      if (offset === undefined) return undefined;
      let at = 0;
      for (const { text, start } of tokens) {
        const end = written.indexOf(text, at) + text.length;
        if (offset < end) return placeIn(source, start);
        at = end;
      }
      return undefined;
    },
    placeOfName: (part) => {
      const token = counts.get(part) === 1 ? tokens.find((one) => nameOf(one) === part) : undefined;
      return token && placeIn(source, token.start);
    },
  };
}

/** What the agent, and the record, hear of an error of the warehouse. Agents' own words may hold what detectors look for. */
export const errorText = (error: StatementFailed, judged: Judged, verdict: Verdict): string =>
  new Scrubber(detectRules(verdict.detect)).text(error.textFor(ownWords(judged))).slice(0, 2000);
