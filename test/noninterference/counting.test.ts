/**
 * Whatever tells a number: explain, describe, refusals by limits, what reviewers are shown, how many rows a change touched. Two
 * warehouses that differ in hidden values alone are asked the same; whole answers are held against each other.
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Gateway } from '../../dist/gateway/gateway.js';
import type { Caller } from '../../dist/gateway/judge/whose.js';
import { TOOLS } from '../../dist/mcp/tools.js';
import { withoutMarks } from '../support/marks.mjs';
import { Sides } from './sides.mjs';

let harness: Sides;
beforeAll(async () => {
  const policy = fileURLToPath(new URL('./data/counting.yaml', import.meta.url));
  harness = await Sides.start({ policy });
});
afterAll(() => harness.end());

/** Predicates that hidden values or rows would answer, as an agent that spells a name out would ask them. */
const GUESSES = [
  "EMAIL LIKE 'a%'",
  "EMAIL LIKE '%z%'",
  "SSN LIKE '1%'",
  "SSN = 'same for all'",
  'SSN IS NULL',
  "PHONE LIKE '9%'",
  "BIRTH_DATE > '1990-01-01'",
  "NOTES LIKE 'call back%'",
  "NAME = 'not a number'",
  "REGION = 'XX'",
  "COUNTRY_CODE = 'DE'",
  'CUSTOMER_ID < 40',
  "1 / IFF(REGION = 'XX', 0, 1) = 1",
];
const CARDS = ["CARD_NUMBER LIKE '4%'", "CARD_NUMBER = '40007'", 'CARD_NUMBER IS NULL'];

const CUSTOMERS = 'ANALYTICS.SALES.CUSTOMERS';
const ORDERS = 'ANALYTICS.SALES.ORDERS';
const among = (guess: string): string => `(SELECT CUSTOMER_ID FROM ${CUSTOMERS} WHERE ${guess})`;

const changesOf = (guess: string): string[] => [
  `DELETE FROM ${ORDERS} WHERE CUSTOMER_ID IN ${among(guess)}`,
  `DELETE FROM ${ORDERS} WHERE ORDER_ID < 10 AND EXISTS (SELECT 1 FROM ${CUSTOMERS} c WHERE c.CUSTOMER_ID = ORDERS.CUSTOMER_ID AND ${guess})`,
  `UPDATE ${ORDERS} SET STATUS = 'x' WHERE CUSTOMER_ID IN ${among(guess)}`,
  `MERGE INTO ${ORDERS} o USING ${among(guess)} s ON o.CUSTOMER_ID = s.CUSTOMER_ID WHEN MATCHED THEN DELETE`,
  `DELETE FROM ${CUSTOMERS} WHERE ${guess}`,
];
const CONTACTS = [
  `DELETE FROM ${ORDERS} WHERE CUSTOMER_ID IN (SELECT CUSTOMER_ID FROM ANALYTICS.SALES.CUSTOMER_CONTACTS WHERE CONTACT LIKE 'a%')`,
  `UPDATE ${ORDERS} SET STATUS = 'x' WHERE CUSTOMER_ID IN (SELECT CUSTOMER_ID FROM ANALYTICS.SALES.CUSTOMER_CONTACTS WHERE REGION = 'XX')`,
  ...CARDS.map(
    (guess) => `DELETE FROM ${ORDERS} WHERE ORDER_ID IN (SELECT ORDER_ID FROM ANALYTICS.SALES.PAYMENTS WHERE ${guess})`,
  ),
  ...CARDS.map((guess) => `DELETE FROM ANALYTICS.SALES.PAYMENTS WHERE ${guess}`),
];
/** Two forms for each guess, in turn. */
const CHANGES = [
  ...GUESSES.flatMap((guess, at) => changesOf(guess).filter((_, form) => (form + at) % 5 < 2)),
  ...CONTACTS,
];
const READS = [
  ...GUESSES.map((guess) => `SELECT NAME FROM ${CUSTOMERS} WHERE ${guess}`),
  ...CARDS.map((guess) => `SELECT AMOUNT FROM ANALYTICS.SALES.PAYMENTS WHERE ${guess}`),
  `SELECT o.TOTAL FROM ${ORDERS} o JOIN ${CUSTOMERS} c ON o.CUSTOMER_ID = c.CUSTOMER_ID WHERE c.SSN LIKE '1%'`,
];

/** Ids and times differ by nature, on one warehouse as on two. */
const seen = (structured: object, text: string): string =>
  withoutMarks(
    (JSON.stringify({ ...structured, statement_id: 0, session: 0, duration_ms: 0, query_id: 0 }) + text)
      // Until when it is open, of each side to its own second.
      .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/g, 'a time')
      .replaceAll(/"(?:id|url|expires_at)":"[^"]*"/g, '')
      .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[\d:.]+Z/g, ''),
  );

/** What both sides answer to a tool, and how many of the answers were of which kind. */
async function differences(tool: string, questions: readonly object[], atOnce = 4) {
  const found = TOOLS.find(({ name }) => name === tool);
  if (!found) throw new Error(`There is no tool ${tool}.`);
  const kinds = new Map<string, number>();
  const different: unknown[] = [];
  const queue = [...questions];
  const worker = async (): Promise<void> => {
    for (let input = queue.shift(); input; input = queue.shift()) {
      const [left, right] = await harness.both(async (gateway: Gateway, caller: Caller) => {
        const answer = await found.call(input, {
          gateway,
          caller,
          consoleUrl: 'https://console.example',
          toolPrefix: '',
          downloadsUrl: undefined,
          gatewayUrl: '',
          signal: new AbortController().signal,
          onProgress: () => undefined,
          onWaiting: () => undefined,
        });
        const kind = String(answer.structured['verdict'] ?? answer.structured['status'] ?? 'ok');
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
        return seen(answer.structured, answer.text);
      });
      if (left !== right) different.push({ input, left, right });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return { kinds, different };
}

const asked = (statements: readonly string[]) => statements.map((sql) => ({ sql }));

describe('two warehouses that differ in what is hidden', () => {
  it('explain the same of changes, whatever their rules and limits go by', async () => {
    const { kinds, different } = await differences('explain', asked(CHANGES));
    expect(different).toEqual([]);
    // Questions that all end the same way would prove nothing.
    expect(kinds.get('allow')).toBeGreaterThan(5);
    expect(kinds.get('approve')).toBeGreaterThan(5);
    expect(kinds.get('deny')).toBeGreaterThan(5);
  });

  it('explain the same of reads, though compilation prunes by hidden values', async () => {
    harness.prune((plan, sent, side) =>
      sent.includes('WHERE') ? { ...plan, bytes: plan.bytes + side * 150_000_000 } : plan,
    );
    const { kinds, different } = await differences('explain', asked(READS));
    const ran = await differences('query', asked(READS));
    const changed = await differences('explain', asked(CONTACTS));
    harness.prune(undefined);
    expect([...different, ...ran.different, ...changed.different]).toEqual([]);
    expect(kinds.get('allow')).toBe(2 * READS.length);
  });

  it('would be told apart by what a predicate of the agent’s own leaves over', async () => {
    harness.prune((plan, sent, side) =>
      sent.includes('WHERE') ? { ...plan, bytes: plan.bytes + side * 150_000_000 } : plan,
    );
    // Nothing of this table is hidden, so its bytes are told.
    const { different } = await differences('explain', asked([`SELECT TOTAL FROM ${ORDERS} WHERE ORDER_ID = 1`]));
    harness.prune(undefined);
    expect(different).toHaveLength(1);
  });

  it('describe the same', async () => {
    const objects = ['', 'ANALYTICS', 'ANALYTICS.SALES', CUSTOMERS, 'ANALYTICS.SALES.CUSTOMER_CONTACTS', ORDERS];
    const { different } = await differences(
      'describe',
      objects.map((object) => (object ? { object } : {})),
    );
    expect(different).toEqual([]);
  });

  it('show reviewers the same, and answer the same to changes that run', async () => {
    const { kinds, different } = await differences(
      'query',
      asked([...changesOf('CUSTOMER_ID < 40'), ...changesOf("EMAIL LIKE '%a%'"), ...CONTACTS]),
      // Some of them run: what the next one counts depends on their order.
      1,
    );
    expect(different).toEqual([]);
    expect(kinds.get('approval_required')).toBeGreaterThan(1);
    const [left, right] = await harness.estimates();
    expect(left).toEqual(right);
    expect(left.length).toBeGreaterThan(1);
    expect(left.every(({ bytes }: { bytes: number | null }) => bytes === null)).toBe(true);
    expect(left.some(({ rows }: { rows: number | null }) => rows !== null)).toBe(true);
  });

  it('would be told apart by a count of hidden rows', async () => {
    harness.plant((sent: string) => sent.replaceAll("REGION = 'EU'", 'TRUE'));
    const { different } = await differences('explain', asked(changesOf("REGION = 'XX'")));
    harness.plant(undefined);
    expect(different.length).toBeGreaterThan(0);
  });
});
