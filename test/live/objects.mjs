/** Checks of objects that somebody has made before and names in the environment: the mask "hash", virtual columns, constraints, external tables. */
import { HASH_FUNCTION, HASH_KEY } from '../../dist/masking/index.js';
import { madeOf } from '../../dist/sql/index.js';

const TAG = '{"app":"snowfence","test":"live"}';
const KEY_TABLE = [HASH_KEY.database, HASH_KEY.schema, HASH_KEY.name].join('.');
const NOT_NAMED = 'none is named in the environment (docs/live.md)';
const objectOf = (text) => {
  const [database, schema, name] = text.split('.');
  return { database, schema, name };
};
const must = (isRight, why) => {
  if (!isRight) throw new Error(why);
};

/** `env`: as docs/live.md names it. */
export const objectChecks = (env) => [
  {
    claim: 'the function of the mask "hash" is keyed, equal for equal values, and reads its key alone',
    page: 'developer-guide/secure-udf-procedure',
    async run({ warehouse, key }) {
      const ask = async (value) =>
        Object.values((await warehouse.ask(key, `SELECT ${HASH_FUNCTION}('${value}') AS H`, TAG))[0] ?? {})[0];
      let made;
      try {
        made = [await ask('a'), await ask('a'), await ask('b')];
      } catch (error) {
        return `there is no ${HASH_FUNCTION} (${error.code ?? 'no code'}): run examples/snowflake-setup.sql`;
      }
      const [one, again, other] = made;
      must(/^[0-9a-f]{64}$/.test(String(one)) && one === again && one !== other, 'its answers are others');
      const { objects } = await warehouse.explain(key, `SELECT ${HASH_FUNCTION}('a')`, [], TAG);
      must(
        objects.every((object) => object === KEY_TABLE),
        'it reads something else',
      );
      return undefined;
    },
  },
  {
    claim: 'the key of the mask "hash" is closed to the role that calls its function',
    page: 'developer-guide/secure-udf-procedure',
    async run({ warehouse, key }) {
      const rows = await warehouse.ask(key, `SELECT COUNT(*) FROM ${KEY_TABLE}`, TAG).catch(() => undefined);
      must(rows === undefined, 'the role may read it');
    },
  },
  {
    claim: 'a virtual column is known with what it is made of (SNOWFLAKE_VIRTUAL_TABLE)',
    page: 'virtual-columns',
    async run({ warehouse, key }) {
      if (!env.SNOWFLAKE_VIRTUAL_TABLE) return NOT_NAMED;
      const relation = await warehouse.catalog.relation(key, objectOf(env.SNOWFLAKE_VIRTUAL_TABLE));
      const columns = relation?.columns ?? [];
      const made = columns.flatMap(({ expression }) => (expression === undefined ? [] : [madeOf(expression, columns)]));
      must(made.length > 0 && made.every((parts) => parts !== 'anything' && parts.length > 0), 'it is not');
      return undefined;
    },
  },
  {
    claim: 'a CHECK constraint is shown to a role that has no more than its agents need (SNOWFLAKE_CHECKED_TABLE)',
    page: 'info-schema/check_constraints',
    async run({ warehouse, key }) {
      if (!env.SNOWFLAKE_CHECKED_TABLE) return NOT_NAMED;
      const found = await warehouse.catalog.constraints(key, objectOf(env.SNOWFLAKE_CHECKED_TABLE), false);
      must(
        found?.checks.some(({ clause }) => clause.trim() !== ''),
        'it is not',
      );
      return undefined;
    },
  },
  {
    claim: 'keys of a hybrid table, and who refers to it, are shown to the role (SNOWFLAKE_HYBRID_PARENT)',
    page: 'info-schema/index_columns, info-schema/referential_constraints',
    async run({ warehouse, key }) {
      if (!env.SNOWFLAKE_HYBRID_PARENT) return NOT_NAMED;
      const object = objectOf(env.SNOWFLAKE_HYBRID_PARENT);
      const relation = await warehouse.catalog.relation(key, object);
      const found = await warehouse.catalog.constraints(key, object, true);
      const refers = found?.references.some(
        ({ child, parent, columns }) => child && parent?.name === object.name && columns.length > 0,
      );
      must(relation?.isHybrid && refers && found.keys.some(({ columns }) => columns.length > 0), 'they are not');
      return undefined;
    },
  },
  {
    claim: 'an external table is known as one (SNOWFLAKE_EXTERNAL_TABLE)',
    page: 'sql/show-external-tables',
    async run({ warehouse, key }) {
      if (!env.SNOWFLAKE_EXTERNAL_TABLE) return NOT_NAMED;
      const relation = await warehouse.catalog.relation(key, objectOf(env.SNOWFLAKE_EXTERNAL_TABLE));
      must(relation?.isExternal, 'it is not');
      return undefined;
    },
  },
];
