/** Rows with an HMAC, as they stand in the store. */
import type { PoolClient } from 'pg';
import type { Breaks } from '../checks/breaks.js';
import { type Found, type JsonRow, nameOf, type SealedRows, type SealedTable } from '../rows/sealed.js';
import { rowsOf } from '../store/snapshot.js';

/** One after the other; those that are none of ours are reported where the keys are at hand, but for those that `mayLack` one. */
export async function* tableRows(
  client: PoolClient,
  table: SealedTable,
  breaks: Breaks,
  rows: SealedRows | undefined,
  mayLack: (row: JsonRow) => boolean = () => false,
): AsyncGenerator<JsonRow> {
  for await (const found of rowsOf<Found>(client, `SELECT (to_jsonb(t) - 'mac')::text AS text, t.mac FROM ${table} t`))
    for (const { text, mac } of found) {
      const row: JsonRow = JSON.parse(text);
      const isOurs = rows === undefined || rows.isOurs(table, text, mac) || (mac.length === 0 && mayLack(row));
      if (!isOurs)
        breaks.report(`The row ${nameOf(table, row)} of ${table} was not written by snowfence as it stands there.`);
      yield row;
    }
}
