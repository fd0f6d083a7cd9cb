/**
 * Rows as business tables have them, with nothing personal in them: what the detectors find there is wrong. `node test/masking/plain-rows.mjs`
 * prints for each kind how many of 10,000 rows it would change, the table of docs/detectors.md. Made up, from a fixed seed.
 */
import { fileURLToPath } from 'node:url';
import { DETECTOR_KINDS, Scrubber } from '../../dist/masking/index.js';
import { random } from '../support/random.mjs';

const COUNT = 10_000;
const next = random(20_261_127);
const upTo = (n) => Math.floor(next() * n);
const one = (items) => items[upTo(items.length)];
const digits = (n) => Array.from({ length: n }, () => upTo(10)).join('');
const two = (n) => String(n).padStart(2, '0');
const day = () => `20${two(10 + upTo(20))}-${two(1 + upTo(12))}-${two(1 + upTo(28))}`;
const time = () => `${two(upTo(24))}:${two(upTo(60))}:${two(upTo(60))}`;

/** Thirteen digits with the check digit of a bar code (GS1 General Specifications, 7.9), under prefixes of several countries. */
function barCode() {
  const body = `${one(['400', '426', '001', '045', '590', '690', '871', '977'])}${digits(9)}`;
  const sum = [...body].reduce((all, digit, at) => all + Number(digit) * (at % 2 === 0 ? 1 : 3), 0);
  return Number(`${body}${(10 - (sum % 10)) % 10}`);
}

const NOTES = [
  () => `Shipped ${day()} by ground, carton ${upTo(40)} of 40`,
  () => `Patient with the delay, will reorder ${upTo(900)} units in May ${2020 + upTo(9)}`,
  () => `Insurance for freight renewed on ${day()}, policy ${digits(6)}`,
  () => `Service provider changed plan ${digits(4)} to plan ${digits(4)}`,
  () => `Store opened ${day()}, birthday sale ends ${day()}`,
  () => `record ${digits(7)} merged into ${digits(7)} at ${time()}`,
  () => `version ${upTo(20)}.${upTo(20)}.${upTo(40)}, build ${digits(8)}`,
  () => `Batch ${one(['A', 'B', 'C'])}${digits(7)}-${digits(3)} passed, chart ${upTo(90)} attached`,
  () => `${upTo(900)} pallets, ${upTo(90)}.${digits(2)} t, dock ${upTo(30)}`,
];

/** One row: keys, amounts, times and texts of sales, stock, machines. */
const row = () => ({
  ID: 1 + upTo(9_000_000),
  ORDER_NO: Number(`${1 + upTo(9)}${digits(7 + upTo(4))}`),
  EVENT_MS: 1_500_000_000_000 + upTo(300_000_000_000),
  EVENT_S: 1_500_000_000 + upTo(300_000_000),
  BAR_CODE: barCode(),
  // As those of Snowflake's AUTOINCREMENT, and of time-ordered 64 bits, which come as texts.
  SEQUENCE_NO: 1_000_000_000_000 + upTo(9_000_000),
  TIME_ORDERED: `${one(['13', '14', '17', '18'])}${digits(17)}`,
  AMOUNT: upTo(9_000_000) / 100,
  DAY: day(),
  AT: `${day()}T${time()}Z`,
  SKU: `${one(['AB', 'QX', 'LM'])}-${digits(5)}-${digits(2)}`,
  TRACKING: `1Z${digits(6)}${digits(10)}`,
  NOTE: one(NOTES)(),
  PAYLOAD: {
    sensor: upTo(900),
    reading: upTo(9_000_000_000_000),
    serial: `${one(['S', 'T'])}${digits(10)}`,
    day: day(),
  },
});

/** For each kind how many rows it changes, and the columns that it changes most. */
export function wronglyFound(count = COUNT) {
  const rows = Array.from({ length: count }, row);
  return DETECTOR_KINDS.map((kind) => {
    const scrubber = new Scrubber([{ name: kind, pattern: undefined, mask: { kind: 'redact' } }]);
    const byColumn = {};
    let wrong = 0;
    for (const each of rows) {
      const columns = Object.keys(each).filter(
        (name) => JSON.stringify(scrubber.value(each[name])) !== JSON.stringify(each[name]),
      );
      if (columns.length > 0) wrong++;
      for (const name of columns) byColumn[name] = (byColumn[name] ?? 0) + 1;
    }
    return { kind, wrong, byColumn };
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(`${COUNT} rows of ${Object.keys(row()).length} columns\n`);
  console.log('| kind | rows changed | where |\n| --- | ---: | --- |');
  for (const { kind, wrong, byColumn } of wronglyFound()) {
    const where = Object.entries(byColumn).map(([name, count]) => `${name} ${count}`);
    console.log(`| \`${kind}\` | ${wrong} | ${where.join(', ')} |`);
  }
}
