/** Judging without a warehouse: over a catalog that is written down, for a principal from the command line or a case. */
import { Judge, type Judged } from '../../gateway/index.js';
import { inForce, type PolicySet, type Subject } from '../../policy/index.js';
import type { CatalogReader } from '../../sql/index.js';

/** A judge over a written catalog, and who is asked about. */
export function offlineJudge(reader: CatalogReader): Judge {
  return new Judge({
    catalogs: { version: 0, reader: () => reader },
    defaults: { database: undefined, schema: undefined },
    onUnreachable: () => undefined,
    onDisagreement: () => undefined,
  });
}

export interface Asked {
  readonly set: PolicySet;
  readonly judge: Judge;
  readonly subject: Subject;
  readonly sql: string;
  readonly purpose: string | undefined;
  readonly prompt: string | undefined;
  readonly at: Date;
  readonly estimate?: { readonly bytes?: number | undefined; readonly rows?: number | undefined } | undefined;
}

/** The verdict as the gateway would come to it; with an estimate also the rules that go by one. */
export async function judgeOffline({
  set,
  judge,
  subject,
  sql,
  purpose,
  prompt,
  at,
  estimate,
}: Asked): Promise<Judged> {
  const question = { sql, purpose, reported: prompt === undefined ? undefined : { prompt: { text: prompt } } };
  const rules = inForce(set, subject, at);
  const judged = await judge.judge(subject, rules, question);
  const isOpen = !judged.denial && (judged.verdict?.needs.bytes || judged.verdict?.needs.rows);
  if (!isOpen || !estimate) return judged;
  return judge.weigh(judged, subject, rules, question, { bytes: estimate.bytes, rows: estimate.rows });
}
