/** Every name has an owner, in reads and in changes: statements with the denial that they must get, and the place that it points at. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { PolicySet } from '../../../dist/policy/index.js';
import type { CatalogReader } from '../../../dist/sql/index.js';
import { unconstrained } from '../../support/catalog.js';
import { judgedOver } from '../../support/judging.js';
import { policyOf, setOf } from '../../support/policies.mjs';

interface Refused {
  readonly sql: string;
  readonly code: string;
  /** The token that the denial's place has to point at: its last mention. */
  readonly at?: string;
  readonly hint?: string;
}

const { refused, allowed }: { refused: Refused[]; allowed: string[] } = JSON.parse(
  readFileSync(new URL('./owners.json', import.meta.url), 'utf8'),
);

const TABLES: Readonly<Record<string, string>> = {
  CUSTOMERS: 'CUSTOMER_ID NAME SSN SEGMENT',
  LEADS: 'CUSTOMER_ID NAME SSN',
  ORDERS: 'ORDER_ID CUSTOMER_ID STATUS TOTAL ORDERED_AT',
  PAYMENTS: 'PAYMENT_ID ORDER_ID CARD_BRAND CARD_NUMBER AMOUNT',
  EVENTS: 'EVENT_ID PAYLOAD',
  COUNTRIES: 'CODE NAME',
  CALENDAR: 'ID DAY AGE',
};
const reader: CatalogReader = {
  constraints: unconstrained,
  async relation(name) {
    const columns = TABLES[name.name]?.split(' ').map((column) => ({ name: column, type: 'VARCHAR', comment: '' }));
    return columns && { ...name, kind: 'table', columns, viewText: undefined, comment: '', rows: 1 };
  },
};

const POLICY = policyOf(`rules:
  - allow: [read, insert, update, delete, merge]
    on: [DB.S.CUSTOMERS, DB.S.ORDERS, DB.S.PAYMENTS, DB.S.LEADS, DB.S.EVENTS, DB.S.CALENDAR]
  - allow: [read, merge]
    on: [DB.S.COUNTRIES]
columns:
  - match: [DB.S.CUSTOMERS.SSN, DB.S.CALENDAR.DAY]
    mask: null
  - match: [DB.S.PAYMENTS.CARD_NUMBER]
    mask: deny
`);

let set: PolicySet;
beforeAll(async () => {
  set = await setOf(POLICY);
});

const judge = (sql: string) => judgedOver(reader, set, sql);

describe('a name without an owner, and a hidden one by any route', () => {
  it.each(refused)('$code: $sql', async ({ sql, code, at, hint }) => {
    const { denial } = await judge(sql);
    expect(denial?.code).toBe(code);
    if (at !== undefined) expect(denial?.position).toEqual({ line: 1, column: placeOf(sql, at) });
    if (hint !== undefined) expect(denial?.hint).toContain(hint);
  });
});

describe('names that are what they seem', () => {
  it.each(allowed)('%s', async (sql) => expect((await judge(sql)).denial).toBeUndefined());
});

/** Where the token stands that the denial has to name: the last of its mentions. */
function placeOf(sql: string, token: string): number {
  const escaped = token.replaceAll(/[$"]/g, '\\$&');
  const mentions = [...sql.matchAll(new RegExp(`(?<![\\w$"])${escaped}(?![\\w"])`, 'g'))];
  return (mentions.at(-1)?.index ?? -2) + 1;
}
