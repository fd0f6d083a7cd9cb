/** Whether the masks of policies fit the columns that they match: held against tables, written down or the warehouse's own. */

import { z } from 'zod';
import { type MaskMethod, misfit } from '../../masking/index.js';
import type { Policy, PolicySet } from '../../policy/index.js';
import { type ObjectName, type RelationInfo, showIdentifier, showObject } from '../../sql/index.js';
import { Warehouse, type WarehouseOptions } from '../../warehouse/index.js';
import { catalogFile, writtenRelations } from './catalog.js';
import { caseFiles, readYaml } from './folder.js';

/** Tables of a warehouse that are looked at, of all policies together. */
const MOST_TABLES = 5000;

interface Misfit {
  readonly policy: string;
  /** File and line. */
  readonly place: string;
  /** What comes of the mask there. */
  readonly why: string;
  /** Columns in full, the first ones where there are many. */
  readonly columns: readonly string[];
  readonly more: number;
}

/** Columns that are named for each finding. */
const NAMED = 3;

/** One mask of one policy, and the columns on which it does not do what it says. */
class Findings {
  readonly #found = new Map<string, { misfit: Omit<Misfit, 'columns' | 'more'>; columns: Set<string> }>();

  add(policy: Policy, place: string, why: string, column: string): void {
    const misfit = { policy: policy.name, place, why };
    const key = JSON.stringify(misfit);
    const known = this.#found.get(key) ?? { misfit, columns: new Set<string>() };
    this.#found.set(key, known);
    known.columns.add(column);
  }

  all(): Misfit[] {
    return [...this.#found.values()].map(({ misfit, columns }) => ({
      ...misfit,
      columns: [...columns].slice(0, NAMED),
      more: Math.max(0, columns.size - NAMED),
    }));
  }
}

function lookAt(policy: Policy, relation: RelationInfo, findings: Findings): void {
  const name = [relation.database, relation.schema, relation.name];
  for (const { match, mask, place } of policy.columns)
    for (const column of relation.columns)
      for (const glob of match) {
        if (!glob.matches([...name, column.name])) continue;
        const method: MaskMethod = glob.path ? { kind: 'paths', paths: [{ path: glob.path, method: mask }] } : mask;
        const why = misfit(method, column.type);
        if (why !== undefined)
          findings.add(policy, place, why, `${showObject(relation)}.${showIdentifier(column.name)}`);
      }
}

/** Over tables that are written down. */
function misfitsOver(set: PolicySet, relations: readonly RelationInfo[]): Misfit[] {
  const findings = new Findings();
  for (const policy of set.policies) for (const relation of relations) lookAt(policy, relation, findings);
  return findings.all();
}

interface Looked {
  readonly misfits: readonly Misfit[];
  /** Tables and views that were looked at. */
  readonly tables: number;
  /** There are more than are looked at. */
  readonly isCut: boolean;
  /** Globs that match no column of any of them, each with its place. */
  readonly idle: readonly string[];
}

/** Over the warehouse's own tables, each policy's as its role sees them. `onProgress` hears what is being read. Throws WarehouseUnavailable. */
async function misfitsIn(set: PolicySet, warehouse: Warehouse, onProgress: (text: string) => void): Promise<Looked> {
  const findings = new Findings();
  const seen = new Set<string>();
  const idle: string[] = [];
  let isCut = false;
  for (const policy of set.policies) {
    const key = { role: policy.role, warehouse: policy.warehouse };
    const globs = policy.columns.flatMap(({ match, place }) => match.map((glob) => ({ glob, place })));
    if (globs.length === 0) continue;
    const named = globs.flatMap(({ glob }) => glob.literals[0] ?? []);
    const isOpen = globs.some(({ glob }) => glob.literals[0] === undefined);
    const databases = new Set([...named, ...(isOpen ? await warehouse.catalog.databases(key) : [])]);
    const used = new Set<(typeof globs)[number]>();
    for (const database of databases) {
      onProgress(`Reading ${showIdentifier(database)} as ${policy.role} …`);
      const objects = await warehouse.catalog.objects(key, database, undefined);
      for (const object of objects) {
        const parts = [object.database, object.schema, object.name];
        if (!globs.some(({ glob }) => glob.reaches(parts))) continue;
        if (seen.size >= MOST_TABLES && !seen.has(nameOf(policy, object))) {
          isCut = true;
          break;
        }
        seen.add(nameOf(policy, object));
        const relation = await warehouse.catalog.relation(key, object);
        if (!relation) continue;
        lookAt(policy, relation, findings);
        for (const entry of globs)
          if (relation.columns.some(({ name }) => entry.glob.matches([...parts, name]))) used.add(entry);
      }
    }
    for (const entry of globs) if (!used.has(entry)) idle.push(`${entry.place} ${entry.glob.source}`);
  }
  return { misfits: findings.all(), tables: seen.size, isCut, idle };
}

const nameOf = ({ role }: Policy, object: ObjectName): string => JSON.stringify([role, object]);

/** One finding in a line. */
const showMisfit = ({ place, why, columns, more }: Misfit): string =>
  `${place} ${columns.join(', ')}${more > 0 ? ` and ${more} more` : ''}: ${why}`;

/**
 * What there is to say of a folder's masks: over the tables in the cases beside it, or over a warehouse's. `notes`: in words. Throws as
 * `caseFiles` and `readYaml`, and WarehouseUnavailable.
 */
export async function fitOf(
  folder: string,
  set: PolicySet,
  options: WarehouseOptions | undefined,
  onProgress: (text: string) => void,
): Promise<{ misfits: readonly Misfit[]; notes: readonly string[] }> {
  if (options === undefined) {
    const catalogs = [];
    for (const file of await caseFiles(folder)) catalogs.push((await readYaml(file, z.looseObject(catalogFile))).data);
    const misfits = misfitsOver(set, writtenRelations(catalogs));
    return { misfits, notes: misfits.map(showMisfit) };
  }
  await using warehouse = new Warehouse(options);
  const { misfits, tables, isCut, idle } = await misfitsIn(set, warehouse, onProgress);
  const notes = [
    ...misfits.map(showMisfit),
    ...idle.map((place) => `${place} matches no column of the tables that the policy's role may see.`),
    ...(isCut ? [`Only the first ${tables} tables were looked at.`] : []),
  ];
  return { misfits, notes };
}
