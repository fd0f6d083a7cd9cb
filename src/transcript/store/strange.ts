/**
 * What stands in the store's database that no migration makes and that could change what our SQL means, what is read with a table, or what
 * is written: besides tables, triggers and functions of our own schema, which shape.ts holds against the migrations.
 */
import type { PoolClient } from 'pg';
import { z } from 'zod';

/**
 * That something belongs to pg_trgm, the one extension that a migration makes, and calls its library. What an extension owns is no
 * proof: `ALTER EXTENSION … ADD FUNCTION` makes a member of anything (PostgreSQL, "ALTER EXTENSION").
 *
 * @param catalog such as `pg_proc`
 * @param oid of the thing, in SQL
 * @param calls OID of the function that it is or calls, in SQL
 */
export const isOfTrigrams = (catalog: string, oid: string, calls: string): string => `EXISTS (
      SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension x ON x.oid = d.refobjid
      JOIN pg_catalog.pg_proc lib ON lib.oid = ${calls} JOIN pg_catalog.pg_language c ON c.oid = lib.prolang
      WHERE d.classid = 'pg_catalog.${catalog}'::pg_catalog.regclass AND d.objid = ${oid} AND d.deptype = 'e'
        AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND x.extname = 'pg_trgm'
        AND c.lanname = 'c' AND lib.probin = '$libdir/pg_trgm')`;

/** Objects of an own OID, so neither initdb's nor, in PostgreSQL's own schema, an extension's. */
const isOfExtension = (catalog: string, oid: string): string =>
  `EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.${catalog}'::pg_catalog.regclass AND d.objid = ${oid} AND d.deptype = 'e')`;

/** The first OID that is not PostgreSQL's own (FirstNormalObjectId, access/transam.h). */
const OWN = 16_384;

const STRANGE = `
  SELECT 'operator ' || o.oprname AS what FROM pg_catalog.pg_operator o
  WHERE o.oid >= ${OWN} AND o.oprnamespace = 'public'::pg_catalog.regnamespace AND NOT ${isOfTrigrams('pg_operator', 'o.oid', 'o.oprcode')}
  UNION ALL
  SELECT 'cast from ' || s.typname || ' to ' || t.typname FROM pg_catalog.pg_cast k
  JOIN pg_catalog.pg_type s ON s.oid = k.castsource JOIN pg_catalog.pg_type t ON t.oid = k.casttarget
  WHERE k.oid >= ${OWN} AND (s.oid < ${OWN} AND t.oid < ${OWN} OR NOT ${isOfExtension('pg_cast', 'k.oid')})
  UNION ALL
  SELECT 'type ' || t.typname FROM pg_catalog.pg_type t
  WHERE t.typnamespace = 'public'::pg_catalog.regnamespace AND t.typtype IN ('d', 'e', 'r', 'b') AND t.typelem = 0 AND NOT ${isOfExtension('pg_type', 't.oid')}
  UNION ALL
  SELECT 'collation ' || l.collname FROM pg_catalog.pg_collation l WHERE l.collnamespace = 'public'::pg_catalog.regnamespace
  UNION ALL
  SELECT 'conversion ' || v.conname FROM pg_catalog.pg_conversion v WHERE v.oid >= ${OWN}
  UNION ALL
  SELECT 'function pg_catalog.' || f.proname FROM pg_catalog.pg_proc f
  WHERE f.oid >= ${OWN} AND f.pronamespace = 'pg_catalog'::pg_catalog.regnamespace AND NOT ${isOfExtension('pg_proc', 'f.oid')}
  UNION ALL
  SELECT 'operator pg_catalog.' || o.oprname FROM pg_catalog.pg_operator o
  WHERE o.oid >= ${OWN} AND o.oprnamespace = 'pg_catalog'::pg_catalog.regnamespace AND NOT ${isOfExtension('pg_operator', 'o.oid')}
  UNION ALL
  SELECT 'table pg_catalog.' || c.relname FROM pg_catalog.pg_class c
  WHERE c.oid >= ${OWN} AND c.relnamespace = 'pg_catalog'::pg_catalog.regnamespace AND NOT ${isOfExtension('pg_class', 'c.oid')}
  UNION ALL
  SELECT 'event trigger ' || e.evtname FROM pg_catalog.pg_event_trigger e
  UNION ALL
  SELECT 'subscription ' || s.subname FROM pg_catalog.pg_subscription s
  WHERE s.subdbid = (SELECT b.oid FROM pg_catalog.pg_database b WHERE b.datname = pg_catalog.current_database())
  UNION ALL
  SELECT 'table ' || n.nspname || '.' || c.relname || ', whose rows are read with ' || p.relname || ',' FROM pg_catalog.pg_inherits i
  JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
  WHERE p.relnamespace = 'public'::pg_catalog.regnamespace AND c.relkind NOT IN ('i', 'I')
    AND (p.relkind <> 'p' OR c.relkind <> 'r' OR c.relnamespace <> p.relnamespace)
  UNION ALL
  SELECT 'function ' || n.nspname || '.' || f.proname || ', which runs with the rights of ' || r.rolname || ',' FROM pg_catalog.pg_proc f
  JOIN pg_catalog.pg_namespace n ON n.oid = f.pronamespace JOIN pg_catalog.pg_roles r ON r.oid = f.proowner
  WHERE f.oid >= ${OWN} AND f.prosecdef AND n.nspname <> 'public' AND (r.rolsuper OR r.oid = (SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.oid = 'public.event'::pg_catalog.regclass))
    AND EXISTS (SELECT FROM pg_catalog.aclexplode(coalesce(f.proacl, pg_catalog.acldefault('f', f.proowner))) a LEFT JOIN pg_catalog.pg_roles g ON g.oid = a.grantee WHERE a.grantee <> f.proowner AND coalesce(NOT g.rolsuper, true))`;
const strangeRow = z.object({ what: z.string() });

/** Each in a sentence. */
export async function strangeProblems(client: PoolClient): Promise<readonly string[]> {
  const { rows } = await client.query(STRANGE);
  return z
    .array(strangeRow)
    .parse(rows)
    .map(({ what }) =>
      `The store has the ${what} which no migration makes.`.replace(/([^,]) which no/, '$1, which no'),
    );
}
