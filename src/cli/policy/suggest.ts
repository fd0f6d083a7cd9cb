/** `snowfence policy suggest`: reads what the warehouse says of columns, proposes masks. */
import { z } from 'zod';
import { loadConfig } from '../../config/index.js';
import { SnowfenceError } from '../../config/problem.js';
import { type DescribedColumn, type Suggestion, suggestionsYaml, suggestMasks } from '../../policy/index.js';
import { type PoolKey, SETUP_TAG, StatementFailed, Warehouse } from '../../warehouse/index.js';
import { CLASSES, TAGS } from '../access/own-questions.js';

const MAX_TABLES = 2000;

const tagRow = z.object({ TABLE: z.string(), COLUMN: z.string(), NAME: z.string(), VALUE: z.string().nullable() });
const classRow = z.object({ TABLE: z.string(), RESULT: z.unknown() });
const classResult = z.object({
  classification_result: z
    .record(
      z.string(),
      z.object({
        recommendation: z
          .object({
            confidence: z.string().default(''),
            privacy_category: z.string().default(''),
            semantic_category: z.string().default(''),
          })
          .optional(),
      }),
    )
    .default({}),
});

interface Learned {
  readonly tags: ReadonlyMap<string, DescribedColumn['tags']>;
  readonly classified: ReadonlyMap<string, NonNullable<DescribedColumn['classified']>>;
  /** What could not be read, in a sentence each. */
  readonly missing: readonly string[];
}

const keyOf = (table: string, column: string): string => JSON.stringify([table, column]);

/** Tags and classification of one schema; the views may be absent or out of the role's reach. */
async function learn(warehouse: Warehouse, key: PoolKey, database: string, schema: string): Promise<Learned> {
  const missing: string[] = [];
  const ask = async (what: string, sql: string): Promise<Record<string, unknown>[]> => {
    try {
      return await warehouse.ask(key, sql, SETUP_TAG);
    } catch (error) {
      if (!(error instanceof StatementFailed)) throw error;
      missing.push(`${what} could not be read by ${key.role}: ${error.message.split('\n').join(' ')}`);
      return [];
    }
  };
  const tags = new Map<string, { name: string; value: string }[]>();
  const tagRows = await ask('TAG_REFERENCES', TAGS.of(database, schema));
  for (const row of z.array(tagRow).parse(tagRows)) {
    const name = keyOf(row.TABLE, row.COLUMN);
    tags.set(name, [...(tags.get(name) ?? []), { name: row.NAME, value: row.VALUE ?? '' }]);
  }
  const classified = new Map<string, NonNullable<DescribedColumn['classified']>>();
  const classRows = await ask('DATA_CLASSIFICATION_LATEST', CLASSES.of(database, schema));
  for (const row of z.array(classRow).parse(classRows)) {
    const result = classResult.safeParse(typeof row.RESULT === 'string' ? JSON.parse(row.RESULT) : row.RESULT);
    for (const [column, { recommendation }] of Object.entries(result.data?.classification_result ?? {}))
      if (recommendation?.semantic_category)
        classified.set(keyOf(row.TABLE, column), {
          semantic: recommendation.semantic_category,
          privacy: recommendation.privacy_category,
          confidence: recommendation.confidence,
        });
  }
  return { tags, classified, missing };
}

export interface SuggestResult {
  readonly yaml: string;
  readonly suggestions: readonly Suggestion[];
  readonly columns: number;
  readonly missing: readonly string[];
}

/** `schemas` are `DATABASE.SCHEMA`. Throws SnowfenceError. */
export async function suggestPolicy(
  configFile: string,
  schemas: readonly string[],
  key: PoolKey,
  onProgress: (text: string) => void,
): Promise<SuggestResult> {
  const config = await loadConfig(configFile);
  await using warehouse = new Warehouse(config.warehouse);
  const columns: DescribedColumn[] = [];
  const missing: string[] = [];
  for (const text of schemas) {
    const match = /^([A-Za-z_][\w$]*|"[^"]+")\.([A-Za-z_][\w$]*|"[^"]+")$/.exec(text);
    const fold = (part: string | undefined): string =>
      part?.startsWith('"') ? part.slice(1, -1) : (part ?? '').toUpperCase();
    if (!match)
      throw new SnowfenceError('USAGE', `"${text}" is not DATABASE.SCHEMA.`, 'Name schemas such as ANALYTICS.SALES.');
    const [database, schema] = [fold(match[1]), fold(match[2])];
    onProgress(`Reading ${database}.${schema} …`);
    const learned = await learn(warehouse, key, database, schema);
    missing.push(...learned.missing);
    const objects = await warehouse.catalog.objects(key, database, schema);
    if (objects.length === 0) missing.push(`${database}.${schema} has no table that ${key.role} may see.`);
    for (const object of objects.slice(0, MAX_TABLES)) {
      const relation = object.kind === 'table' ? await warehouse.catalog.relation(key, object) : undefined;
      for (const { name, type, comment } of relation?.columns ?? [])
        columns.push({
          object,
          name,
          type,
          comment,
          tags: learned.tags.get(keyOf(object.name, name)) ?? [],
          classified: learned.classified.get(keyOf(object.name, name)),
        });
    }
    if (objects.length > MAX_TABLES)
      missing.push(`Only the first ${MAX_TABLES} of ${objects.length} tables were read.`);
  }
  const suggestions = suggestMasks(columns);
  return { yaml: suggestionsYaml(suggestions), suggestions, columns: columns.length, missing };
}
