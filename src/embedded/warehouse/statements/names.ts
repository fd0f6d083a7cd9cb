/** Names as statements write them, and as DuckDB takes them. */
import type { Relation } from '../engine/catalog.js';

const NAME = String.raw`(?:"(?:[^"]|"")+"|[\w$]+)`;
/** One to many parts, with dots between. */
export const PATH = new RegExp(`${NAME}(?:\\s*\\.\\s*${NAME})*`);

export const unquote = (name: string): string =>
  name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.toUpperCase();

export function pathParts(text: string): string[] {
  return [...text.matchAll(new RegExp(NAME, 'g'))].map((match) => unquote(match[0]));
}

export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export const qualified = (relation: Pick<Relation, 'database' | 'schema' | 'name'>): string =>
  [relation.database, relation.schema, relation.name].map(quote).join('.');
