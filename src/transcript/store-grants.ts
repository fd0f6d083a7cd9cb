/** Who may do what in the store, by the catalog, held against rights.ts: nobody but the owner may change what is there. */
import type { PoolClient } from 'pg';
import { z } from 'zod';
import { mayOnColumn, mayOnTable, rightsByRole, type StoreRoles } from './rights.js';

const GRANTED = `
  SELECT 'table' AS kind, coalesce(p.relname, c.relname) AS name, NULL AS column, coalesce(r.rolname, 'PUBLIC') AS grantee, a.privilege_type AS privilege
  FROM pg_catalog.pg_class c
  LEFT JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
  CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) a LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
  WHERE c.relnamespace = 'public'::pg_catalog.regnamespace AND c.relkind IN ('r', 'p', 'S') AND a.grantee <> c.relowner
  UNION
  SELECT 'column', coalesce(p.relname, c.relname), t.attname, coalesce(r.rolname, 'PUBLIC'), a.privilege_type
  FROM pg_catalog.pg_class c
  LEFT JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
  JOIN pg_catalog.pg_attribute t ON t.attrelid = c.oid
  CROSS JOIN LATERAL pg_catalog.aclexplode(t.attacl) a LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
  WHERE c.relnamespace = 'public'::pg_catalog.regnamespace AND c.relkind IN ('r', 'p') AND a.grantee <> c.relowner
  UNION
  SELECT 'function', f.proname, NULL, coalesce(r.rolname, 'PUBLIC'), a.privilege_type
  FROM pg_catalog.pg_proc f
  CROSS JOIN LATERAL pg_catalog.aclexplode(coalesce(f.proacl, pg_catalog.acldefault('f', f.proowner))) a LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
  WHERE f.pronamespace = 'public'::pg_catalog.regnamespace AND a.grantee <> f.proowner
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = f.oid AND d.deptype = 'e')
  UNION
  SELECT 'schema', n.nspname, NULL, coalesce(r.rolname, 'PUBLIC'), a.privilege_type
  FROM pg_catalog.pg_namespace n
  CROSS JOIN LATERAL pg_catalog.aclexplode(n.nspacl) a LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
  WHERE n.nspname = 'public' AND a.grantee <> n.nspowner
  UNION
  SELECT CASE d.defaclobjtype WHEN 'f' THEN 'new function' WHEN 'r' THEN 'new table' ELSE 'new object' END, 'public', NULL, coalesce(r.rolname, 'PUBLIC'), a.privilege_type
  FROM pg_catalog.pg_default_acl d
  CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) a LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
  WHERE d.defaclnamespace IN (0, 'public'::pg_catalog.regnamespace) AND a.grantee <> d.defaclrole AND d.defaclobjtype IN ('r', 'f', 'S')
  ORDER BY 1, 2, 3, 4, 5`;

const grantRow = z.object({
  kind: z.string(),
  name: z.string(),
  column: z.string().nullable(),
  grantee: z.string(),
  privilege: z.string(),
});
type Grant = z.infer<typeof grantRow>;

const ROLES = `
  SELECT r.rolname AS name, r.rolsuper OR r.rolcreaterole OR r.rolbypassrls OR r.rolreplication AS is_mighty,
         ARRAY(SELECT o.rolname::text FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles o ON o.oid = m.roleid WHERE m.member = r.oid) AS member_of
  FROM pg_catalog.pg_roles r WHERE r.rolname = ANY($1)`;
const roleRow = z.object({ name: z.string(), is_mighty: z.boolean(), member_of: z.array(z.string()) });

/** Members of the role that owns the store may do all that it may, but for those that are superusers anyway. */
const OWNERS = `
  SELECT m.rolname AS name FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_auth_members a ON a.roleid = c.relowner JOIN pg_catalog.pg_roles m ON m.oid = a.member
  WHERE c.relnamespace = 'public'::pg_catalog.regnamespace AND c.relname = 'event' AND NOT m.rolsuper`;
const ownerRow = z.object({ name: z.string() });

/** What somebody may beyond their purpose, each in a sentence. Others than the store's roles may read tables at most. */
export async function grantProblems(client: PoolClient, roles: StoreRoles): Promise<readonly string[]> {
  const rights = rightsByRole(roles);
  const isGiven = ({ kind, name, column, grantee, privilege }: Grant): boolean => {
    const of = rights.get(grantee);
    switch (kind) {
      case 'table':
        return of ? mayOnTable(of, name, privilege) : privilege === 'SELECT' && grantee !== 'PUBLIC';
      case 'column':
        return of ? mayOnColumn(of, name, column ?? '', privilege) : privilege === 'SELECT' && grantee !== 'PUBLIC';
      case 'function':
        return of?.functions.includes(name) === true;
      case 'schema':
        return privilege === 'USAGE';
      case 'new table':
        return privilege === 'SELECT' && grantee !== 'PUBLIC';
      default:
        return false;
    }
  };
  const granted = z.array(grantRow).parse((await client.query(GRANTED)).rows);
  const known = z.array(roleRow).parse((await client.query(ROLES, [[...rights.keys()]])).rows);
  const owners = z.array(ownerRow).parse((await client.query(OWNERS)).rows);
  return [
    ...granted.flatMap((grant) =>
      isGiven(grant)
        ? []
        : [
            `${grant.grantee} has ${grant.privilege} on the ${grant.kind} ${grant.name}${grant.column === null ? '' : ` (${grant.column})`}, which setup does not give.`,
          ],
    ),
    ...known.flatMap(({ name, is_mighty: isMighty, member_of: memberOf }) => [
      ...(isMighty ? [`The role ${name} may make roles, replicate, or pass by what keeps others out.`] : []),
      ...memberOf.map((other) => `The role ${name} is a member of ${other}, and may what that one may.`),
    ]),
    ...owners.flatMap(({ name }) =>
      rights.has(name) ? [] : [`${name} is a member of the role that owns the store, and may change all of it.`],
    ),
  ];
}
