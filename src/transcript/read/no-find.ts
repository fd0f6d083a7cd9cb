/** Of a search that finds nothing: which of its values stand nowhere, which do, and what is not searched. */
import type { Pool } from 'pg';
import { z } from 'zod';
import { REPORTED } from '../form/projection.js';
import { term } from '../form/terms.js';
import { STORED, type Term } from './sought.js';

/** So many of the newest statements are asked for the values that there are, and so many values are told. */
const ASKED_FOR_VALUES = 4000;
const TOLD_VALUES = 12;
const VALUES = `
  SELECT substr(term, length($1) + 2) AS value FROM (SELECT terms FROM statement ORDER BY id DESC LIMIT ${ASKED_FOR_VALUES}) s, unnest(s.terms) AS term
  WHERE starts_with(term, $1 || ':') GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT ${TOLD_VALUES + 1}`;
const IS_THERE = 'SELECT EXISTS (SELECT FROM statement s WHERE s.terms @> ARRAY[$1]) AS "is"';
const ISSUERS = `SELECT issuer AS value FROM session WHERE actor = 'agent' GROUP BY 1 ORDER BY max(opened_at) DESC LIMIT ${TOLD_VALUES + 1}`;
const ID_IS_THERE: Readonly<Record<string, string>> = {
  session: 'SELECT EXISTS (SELECT FROM session WHERE id = $1::uuid) AS "is"',
  statement: 'SELECT EXISTS (SELECT FROM statement WHERE id = $1::uuid) AS "is"',
};
const valueRow = z.object({ value: z.string() });
const isRow = z.object({ is: z.boolean() });

const UNTIED =
  'What a person typed is found by the statements that were tied to it. A prompt that no statement followed is found by no search: snowfence sessions show has it, in the session of its principal with the client "reported prompts".';

/** Which values there are, the most frequent first. */
function valuesWords(key: string, values: readonly string[]): string {
  if (values.length === 0) return `No statement has any ${key}: yet.`;
  const told = values
    .slice(0, TOLD_VALUES)
    .map((value) => `${key}:${/^[^\s"]+$/.test(value) ? value : JSON.stringify(value)}`);
  return `There are, among the newest: ${told.join(', ')}${values.length > TOLD_VALUES ? ' and others' : ''}.`;
}

export async function notesOn(pool: Pool, terms: readonly Term[]): Promise<readonly string[]> {
  const ask = async (sql: string, values: readonly string[]): Promise<boolean> =>
    isRow.parse((await pool.query(sql, [...values])).rows[0]).is;
  const notes: string[] = [];
  for (const { key, value, isNot } of terms) {
    if (key === undefined || isNot) continue;
    const stored = Object.hasOwn(STORED, key) ? STORED[key] : undefined;
    const byId = ID_IS_THERE[key];
    if (byId !== undefined) {
      if (!(await ask(byId, [value]))) notes.push(`There is no ${key} ${value}.`);
    } else if (key === 'issuer' || (stored !== undefined && stored !== 'is')) {
      const isThere = stored === undefined ? false : await ask(IS_THERE, [term(stored, value)]);
      if (isThere) continue;
      const { rows } = stored === undefined ? await pool.query(ISSUERS) : await pool.query(VALUES, [stored]);
      const values = z
        .array(valueRow)
        .parse(rows)
        .map((row) => row.value);
      if (stored === undefined && values.includes(value)) continue;
      notes.push(`No statement has ${key}:${value}. ${valuesWords(key, values)}`);
    }
  }
  const isOfPrompts = terms.some(
    ({ key, value }) => key === undefined || key === 'prompt' || (key === 'is' && value === REPORTED),
  );
  return isOfPrompts ? [...notes, UNTIED] : notes;
}
