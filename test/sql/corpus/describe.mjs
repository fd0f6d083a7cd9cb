/**
 * What the analysis says of a statement, in one line: objects, columns with how they are used, lineage of the outputs.
 * `node test/sql/corpus/describe.mjs` writes it below each statement of statements.txt; whoever runs it reads the difference.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { analyse, isUnknown, objectKey, Refusal, readStatement, showObject } from '../../../dist/sql/index.js';

/** Columns of the corpus's tables, in DB.S. */
export const TABLES = {
  CUSTOMERS: 'ID NAME EMAIL PHONE REGION COUNTRY AGE CREATED_AT',
  ORDERS: 'ID CUSTOMER_ID TOTAL STATUS REGION AT',
  EVENTS: 'ID CUSTOMER_ID KIND PAYLOAD AT',
  EMPLOYEES: 'ID NAME MANAGER_ID TITLE SALARY',
  PRODUCTS: 'ID NAME PRICE CATEGORY',
  SALES: 'EMPID DEPT JAN FEB MAR APR',
  QUARTERLY: 'EMPID AMOUNT QUARTER',
  STOCK: 'SYMBOL AT PRICE',
  QUOTES: 'SYMBOL AT BID',
  TEMPS: 'OBSERVED TEMPERATURE CITY COUNTY',
  SECRETS: 'ID TEXT',
};
/** Columns of its views, and their texts. */
export const VIEWS = {
  CONTACTS: ['ID CONTACT', 'CREATE VIEW DB.S.CONTACTS (ID, CONTACT) AS SELECT ID, EMAIL FROM CUSTOMERS'],
  NESTED: ['CONTACT', 'CREATE VIEW DB.S.NESTED AS SELECT CONTACT FROM DB.S.CONTACTS'],
};

export const catalog = {
  async relation({ database, schema, name }) {
    if (database !== 'DB' || (schema !== 'S' && schema !== 'PUBLIC')) return undefined;
    const view = VIEWS[name];
    const columns = name === 'Odd Name' ? ['Col a'] : (view?.[0] ?? TABLES[name])?.split(' ');
    if (!columns) return undefined;
    return {
      database,
      schema,
      name,
      kind: view ? 'view' : 'table',
      columns: columns.map((column) => ({ name: column, type: 'VARCHAR', comment: '' })),
      viewText: view?.[1],
      comment: '',
      rows: 1,
    };
  },
};

const DEFAULTS = { database: 'DB', schema: 'S' };
const short = (object) => showObject(object).replace(/^DB\.S\./, '');
const sorted = (values) => [...new Set(values)].sort();

export async function describe(sql) {
  let analysis;
  try {
    analysis = await analyse(readStatement(sql), catalog, DEFAULTS);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const place = error.position ? `${error.position.line}:${error.position.column}` : 'nowhere';
    return `! ${error.code} ${place} ${error.message}`;
  }
  const [unowned] = analysis.unowned;
  // Functions that a policy has to list are refused before names are.
  if (unowned && analysis.functions.every((use) => use.class === 'pure' || use.class === 'table')) {
    const place = unowned.position ? `${unowned.position.line}:${unowned.position.column}` : 'nowhere';
    return `! NOT_UNDERSTOOD ${place} ${unowned.what}`;
  }
  const uses = new Map(analysis.objects.map((use) => [objectKey(use.object), { use, columns: [] }]));
  for (const column of analysis.columns)
    uses.get(objectKey(column.object))?.columns.push(`${column.column}:${column.usage}`);
  const objects = sorted(
    [...uses.values()].map(
      ({ use, columns }) => `${short(use.object)}{${sorted(columns).join(' ')}}${use.relation ? '' : ' unknown'}`,
    ),
  );
  const outputs = analysis.outputs.map(({ name, origins }) => {
    const from = sorted(
      origins.filter((origin) => !isUnknown(origin)).map((origin) => `${short(origin.object)}.${origin.column}`),
    ).join('+');
    return `${name ?? '?'}${from ? `<${from}` : ''}`;
  });
  const functions = sorted(
    analysis.functions.filter((use) => use.class !== 'pure').map((use) => `${use.name}:${use.class}`),
  );
  return `> ${objects.join(' ') || 'nothing'} => ${outputs.join(', ') || 'nothing'}${functions.length > 0 ? ` | ${functions.join(' ')}` : ''}`;
}

const FILE = new URL('./statements.txt', import.meta.url);

/** Pairs of a statement and its expected line, with the page that the statement belongs to. */
export function read() {
  const entries = [];
  let page = '';
  for (const line of readFileSync(FILE, 'utf8').split('\n')) {
    if (line.startsWith('# ')) page = line.slice(2);
    else if (line.startsWith('  ')) entries.at(-1).expected = line.trim();
    else if (line !== '') entries.push({ page, sql: line, expected: undefined });
  }
  return entries;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const out = [];
  let page = '';
  for (const entry of read()) {
    if (entry.page !== page) out.push(`${page === '' ? '' : '\n'}# ${entry.page}`);
    page = entry.page;
    out.push(entry.sql, `  ${await describe(entry.sql)}`);
  }
  writeFileSync(FILE, `${out.join('\n')}\n`);
}
