/** `npm run store:structure`: writes down anew what the tables of the store are made of once all migrations have run. */
import { writeFile } from 'node:fs/promises';
import { withClient } from '../../../dist/transcript/index.js';
import { STRUCTURE, structureOf } from '../../../dist/transcript/store/structure.js';
import { startPostgres } from '../../support/store/postgres.mjs';
import { openStore } from '../../support/store/store.mjs';

const postgres = await startPostgres();
try {
  const store = await openStore(postgres.url);
  const structure = await withClient(store.pool, structureOf);
  await store[Symbol.asyncDispose]();
  const file = new URL('../../../src/transcript/store/structure.json', import.meta.url);
  const text = `${JSON.stringify(structure, undefined, 2)}\n`;
  await writeFile(file, text);
  await writeFile(STRUCTURE, text);
} finally {
  await postgres.end();
}
