/** What went to archives, as far as signed events say so: there a session goes on later than at its first event. */
import type { PoolClient } from 'pg';
import type { Breaks } from '../checks/breaks.js';
import type { Start } from '../checks/sessions.js';
import { Manifest, type Taken } from '../form/manifest.js';
import { timeText } from '../read/columns.js';
import { takenBy } from '../read/export.js';
import type { SignedActs } from './acts.js';

export type Starts = readonly (readonly [session: string, Start])[];

export interface ProvedArchives {
  readonly starts: Starts;
  /** ISO 8601: what happened before may have gone; undefined where nothing has. */
  readonly before: string | undefined;
}

const ARCHIVES = `
  SELECT a.id, a.file, encode(a.digest, 'hex') AS digest, encode(a.manifest, 'hex') AS manifest, ${timeText('a.before')} AS before
  FROM archive a ORDER BY a.archived_at, a.id`;

interface ArchiveRow {
  readonly id: string;
  readonly file: string;
  readonly digest: string;
  readonly manifest: string;
  readonly before: string;
}

/** Rows of archives that no signed event stands behind are reported, and nothing is taken as archived by them. */
export async function readArchives(client: PoolClient, acts: SignedActs, breaks: Breaks): Promise<ProvedArchives> {
  const { rows: archives } = await client.query<ArchiveRow>(ARCHIVES);
  let before: string | undefined;
  const starts: (readonly [string, Start])[] = [];
  const openings = new Map<string, string>();
  for (const { id, file, digest, manifest: kept, before: end } of archives) {
    const act = acts.archives.get(id);
    if (!act) {
      breaks.report(`No signed event says that there was an archive ${id}: nothing is taken as archived by it.`);
      continue;
    }
    const manifest = new Manifest();
    const own: (readonly [string, Start])[] = [];
    for await (const row of takenBy(client, id)) {
      manifest.add(row);
      own.push([row.session, startOf(row)]);
    }
    if (manifest.digest !== act.manifest || kept !== act.manifest) {
      breaks.report(`The list of what archive ${id} took is not what was recorded of it.`);
      continue;
    }
    if (digest !== act.digest || file.split('/').at(-1) !== act.file || end !== `${act.to}T00:00:00.000Z`)
      breaks.report(`What the store says of the file of archive ${id} is not what was recorded of it.`);
    if (act.to > (before ?? '')) before = act.to;
    for (const [session, start] of own) {
      const opening = start.opening && JSON.stringify([start.opening.at, start.opening.body]);
      if (opening !== undefined && (openings.get(session) ?? opening) !== opening)
        breaks.report('Two archives say differently how this session was opened.', { session });
      if (opening !== undefined) openings.set(session, opening);
      starts.push([session, start]);
    }
  }
  return { starts, before };
}

function startOf({ length, hash, opened_at: at, opening: text }: Taken): Start {
  const body = text === null ? undefined : (JSON.parse(text) as Record<string, unknown>);
  return { length, hash, opening: body && at ? { at: at.toISOString(), body } : undefined };
}
