/** Who may do what in the store, by the catalog, held against rights.ts: nobody but the owner may change what is there. */
import type { PoolClient } from 'pg';
import { z } from 'zod';
import { mayOnColumn, mayOnTable, rightsByRole, type StoreRoles } from './rights.js';

/** Our own tables, and the job queue's (queue.ts). */
const SCHEMAS = "('public', 'pgboss')";
const NOT_OF_EXTENSION = (catalog: string, oid: string): string =>
  `NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.${catalog}'::pg_catalog.regclass AND d.objid = ${oid} AND d.deptype = 'e')`;

/** Everything in the store's schemas, and around them, that rights can be given on, to others than its owner. Weeks by their table's name. */
const GRANTED = `
  WITH relation AS (
    SELECT c.oid, coalesce(p.relname, c.relname) AS name, c.relacl, c.relowner, c.relkind, n.nspname AS schema
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
    WHERE n.nspname IN ${SCHEMAS} AND c.relkind IN ('r', 'p', 'S', 'v', 'm', 'f')
  ), acl AS (
    SELECT CASE WHEN c.relkind IN ('r', 'p', 'v', 'm', 'f') THEN 'table' ELSE 'sequence' END AS kind, c.schema, c.name, NULL AS column, c.relacl AS acl, c.relowner AS owner
    FROM relation c
    UNION ALL
    SELECT 'column', c.schema, c.name, t.attname, t.attacl, c.relowner FROM relation c JOIN pg_catalog.pg_attribute t ON t.attrelid = c.oid
    UNION ALL
    SELECT 'function', n.nspname, f.proname, NULL, coalesce(f.proacl, pg_catalog.acldefault('f', f.proowner)), f.proowner
    FROM pg_catalog.pg_proc f JOIN pg_catalog.pg_namespace n ON n.oid = f.pronamespace
    WHERE n.nspname = 'public' AND ${NOT_OF_EXTENSION('pg_proc', 'f.oid')}
    UNION ALL
    SELECT 'schema', n.nspname, n.nspname, NULL, n.nspacl, n.nspowner FROM pg_catalog.pg_namespace n WHERE n.nspname IN ${SCHEMAS}
    UNION ALL
    SELECT 'database', '', b.datname, NULL, b.datacl, b.datdba FROM pg_catalog.pg_database b WHERE b.datname = pg_catalog.current_database()
    UNION ALL
    SELECT 'type', n.nspname, t.typname, NULL, t.typacl, t.typowner FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    WHERE n.nspname = 'public' AND ${NOT_OF_EXTENSION('pg_type', 't.oid')}
    UNION ALL
    SELECT CASE d.defaclobjtype WHEN 'f' THEN 'new function' WHEN 'r' THEN 'new table' ELSE 'new object' END, 'public', 'public', NULL, d.defaclacl, d.defaclrole
    FROM pg_catalog.pg_default_acl d WHERE d.defaclnamespace IN (0, 'public'::pg_catalog.regnamespace)
  )
  SELECT DISTINCT acl.kind, acl.schema, acl.name, acl.column, coalesce(r.rolname, 'PUBLIC') AS grantee, a.privilege_type AS privilege, a.is_grantable
  FROM acl CROSS JOIN LATERAL pg_catalog.aclexplode(acl.acl) a LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
  WHERE a.grantee <> acl.owner
  ORDER BY 1, 2, 3, 4, 5, 6`;

const grantRow = z.object({
  kind: z.string(),
  schema: z.string(),
  name: z.string(),
  column: z.string().nullable(),
  grantee: z.string(),
  privilege: z.string(),
  is_grantable: z.boolean(),
});
type Grant = z.infer<typeof grantRow>;

const ROLES = `
  SELECT r.rolname AS name, r.rolsuper OR r.rolcreaterole OR r.rolbypassrls OR r.rolreplication AS is_mighty,
         ARRAY(SELECT o.rolname::text FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles o ON o.oid = m.roleid WHERE m.member = r.oid) AS member_of
  FROM pg_catalog.pg_roles r WHERE r.rolname = ANY($1)`;
const roleRow = z.object({ name: z.string(), is_mighty: z.boolean(), member_of: z.array(z.string()) });

/** Whoever may act as somebody who may more: directly or through other roles. Superusers may everything anyway. */
const MEMBERS = `
  WITH RECURSIVE member AS (
    SELECT a.roleid AS of, a.member FROM pg_catalog.pg_auth_members a
    UNION
    SELECT m.of, a.member FROM member m JOIN pg_catalog.pg_auth_members a ON a.roleid = m.member
  )
  SELECT DISTINCT m.rolname AS name, o.rolname AS of, o.oid = (SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.oid = 'public.event'::pg_catalog.regclass) AS is_owner
  FROM member JOIN pg_catalog.pg_roles m ON m.oid = member.member JOIN pg_catalog.pg_roles o ON o.oid = member.of
  WHERE NOT m.rolsuper AND m.oid <> (SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.oid = 'public.event'::pg_catalog.regclass)
    AND (o.rolname = ANY($1) OR o.rolname IN ('pg_write_all_data', 'pg_maintain', 'pg_write_server_files', 'pg_execute_server_program')
      OR o.oid IN (SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.relnamespace = 'public'::pg_catalog.regnamespace))
  ORDER BY 1, 2`;
const memberRow = z.object({ name: z.string(), of: z.string(), is_owner: z.boolean() });

/** Settings that only superusers may make, given to others (PostgreSQL 15 and later): one of them switches triggers off. */
const PARAMETERS = `
  SELECT coalesce(r.rolname, 'PUBLIC') AS grantee, p.parname AS name FROM pg_catalog.pg_parameter_acl p
  CROSS JOIN LATERAL pg_catalog.aclexplode(p.paracl) a LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
  WHERE coalesce(NOT r.rolsuper, true) ORDER BY 1, 2`;
const parameterRow = z.object({ grantee: z.string(), name: z.string() });

/** Rights on PostgreSQL's own tables and functions beyond those that it came with: on its catalog, on reading and writing files. */
const SYSTEM = `
  WITH acl AS (
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass AS class, c.oid, 'table ' || c.relname AS name, c.relacl AS acl FROM pg_catalog.pg_class c
    WHERE c.relnamespace = 'pg_catalog'::pg_catalog.regnamespace AND c.relacl IS NOT NULL
    UNION ALL
    SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, f.oid, 'function ' || f.proname, f.proacl FROM pg_catalog.pg_proc f
    WHERE f.pronamespace = 'pg_catalog'::pg_catalog.regnamespace AND f.proacl IS NOT NULL
  )
  SELECT coalesce(r.rolname, 'PUBLIC') AS grantee, a.privilege_type AS privilege, acl.name
  FROM acl CROSS JOIN LATERAL pg_catalog.aclexplode(acl.acl) a LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
  WHERE (a.grantee = 0 OR r.rolname = ANY($1)) AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_init_privs i CROSS JOIN LATERAL pg_catalog.aclexplode(i.initprivs) b
    WHERE i.classoid = acl.class AND i.objoid = acl.oid AND b.grantee = a.grantee AND b.privilege_type = a.privilege_type)
    AND NOT (a.privilege_type = 'EXECUTE' AND a.grantee = 0 AND NOT EXISTS (SELECT FROM pg_catalog.pg_init_privs i WHERE i.classoid = acl.class AND i.objoid = acl.oid))
  ORDER BY 1, 2, 3`;
const systemRow = z.object({ grantee: z.string(), privilege: z.string(), name: z.string() });

/** Up to PostgreSQL 15 whoever may make roles may become a member of any that is no superuser (PostgreSQL 16, release notes, "Privileges"). */
const MAKERS = `
  SELECT r.rolname AS name FROM pg_catalog.pg_roles r
  WHERE r.rolcreaterole AND NOT r.rolsuper AND pg_catalog.current_setting('server_version_num')::integer < 160000
    AND r.oid <> (SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.oid = 'public.event'::pg_catalog.regclass)`;
const makerRow = z.object({ name: z.string() });

const QUEUE = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'];

/** What somebody may beyond their purpose, each in a sentence. Others than the store's roles may read tables at most. */
export async function grantProblems(client: PoolClient, roles: StoreRoles): Promise<readonly string[]> {
  const rights = rightsByRole(roles);
  const isGiven = ({ kind, schema, name, column, grantee, privilege, is_grantable: isGrantable }: Grant): boolean => {
    if (isGrantable) return false;
    const of = rights.get(grantee);
    const isRead = privilege === 'SELECT' && grantee !== 'PUBLIC';
    switch (kind) {
      case 'table':
        if (schema === 'pgboss') return isRead || (grantee === roles.gateway && QUEUE.includes(privilege));
        return of ? mayOnTable(of, name, privilege) : isRead;
      case 'column':
        return of && schema === 'public' ? mayOnColumn(of, name, column ?? '', privilege) : isRead;
      case 'function':
        return of?.functions.includes(name) === true;
      case 'schema':
      case 'type':
        return privilege === 'USAGE';
      case 'database':
        // Others may make schemas of their own there: what our connections mean by a name lies in one schema alone.
        return privilege !== 'CREATE' || (!of && grantee !== 'PUBLIC');
      case 'sequence':
      case 'new table':
        return isRead;
      default:
        return false;
    }
  };
  const rows = async <T>(shape: z.ZodType<T>, sql: string, values: readonly unknown[] = []): Promise<T[]> =>
    z.array(shape).parse((await client.query(sql, [...values])).rows);
  const names = [...rights.keys()];
  const granted = await rows(grantRow, GRANTED);
  const known = await rows(roleRow, ROLES, [names]);
  const members = await rows(memberRow, MEMBERS, [names]);
  const system = await rows(systemRow, SYSTEM, [names]);
  const makers = await rows(makerRow, MAKERS);
  const hasParameters = await client.query(
    "SELECT FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass('pg_catalog.pg_parameter_acl')",
  );
  const parameters = hasParameters.rowCount === 0 ? [] : await rows(parameterRow, PARAMETERS);
  return [
    ...granted.flatMap((grant) => (isGiven(grant) ? [] : [told(grant)])),
    ...known.flatMap(({ name, is_mighty: isMighty, member_of: memberOf }) => [
      ...(isMighty ? [`The role ${name} may make roles, replicate, or pass by what keeps others out.`] : []),
      ...memberOf.map((other) => `The role ${name} is a member of ${other}, and may what that one may.`),
    ]),
    ...members.flatMap(({ name, of, is_owner: isOwner }) => {
      if (rights.has(name)) return [];
      return isOwner
        ? [`${name} is a member of the role that owns the store, and may change all of it.`]
        : [`${name} is a member of ${of}, and may do in the store what that one may.`];
    }),
    ...system.map(({ grantee, privilege, name }) => `${grantee} has ${privilege} on PostgreSQL's own ${name}.`),
    ...makers.map(({ name }) => `${name} may make roles, and so become a member of any that is no superuser.`),
    ...parameters.map(({ grantee, name }) => `${grantee} may set ${name}, which is for superusers alone.`),
  ];
}

function told({ kind, schema, name, column, grantee, privilege, is_grantable: isGrantable }: Grant): string {
  const where = schema === 'pgboss' && kind !== 'schema' ? 'pgboss.' : '';
  const object = `${kind} ${where}${name}${column === null ? '' : ` (${column})`}`;
  return `${grantee} has ${privilege} on the ${object}${isGrantable ? ' and may give it on' : ''}, which setup does not give.`;
}
