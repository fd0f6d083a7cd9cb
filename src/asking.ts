/** What a person is asked, and what their word is bound to. */
import { createHash } from 'node:crypto';
import type { AboutApproval } from './approval/index.js';
import type { Judged } from './judge.js';
import { methodName } from './masking/index.js';
import { type Estimate, hides, showRows } from './policy/index.js';
import { shownUses, showObject } from './sql/index.js';

/**
 * SHA-256, hexadecimal, over what a statement reads and writes as the catalog has it now (kinds, columns, view texts), and over the masks
 * and row predicates that it runs under. The text, the principal and the policies' version are bound by themselves.
 */
export function fitsOf({ analysis, verdict }: Judged): string {
  const objects = (analysis?.objects ?? []).map(({ object, access, via, relation }) => [
    showObject(object),
    access,
    via.map(showObject),
    relation?.kind ?? null,
    relation?.viewText ?? null,
    relation?.isSecure ?? null,
    relation?.columns.map(({ name, type }) => [name, type]) ?? null,
  ]);
  const masks = (verdict?.masks ?? []).map(({ object, column, method, rule }) => [
    showObject(object),
    column,
    methodName(method),
    rule,
  ]);
  const rows = (verdict?.rows ?? []).map((applied) => [showObject(applied.object), showRows(applied), applied.rule]);
  const under = [verdict?.role ?? null, verdict?.warehouse ?? null];
  return createHash('sha256')
    .update(JSON.stringify([objects, masks, rows, under]))
    .digest('hex');
}

/** No values of rows: reviewers see what would be touched, and how much of it. */
export function aboutOf({ analysis, verdict }: Judged, estimate: Estimate): AboutApproval {
  const rules = verdict?.rules ?? [];
  return {
    kind: analysis?.kind ?? '',
    ...shownUses(analysis),
    masks: (verdict?.masks ?? []).map(({ object, column, method, rule }) => ({
      column: `${showObject(object)}.${column}`,
      method: methodName(method),
      rule,
    })),
    row_predicates: (verdict?.rows ?? []).map((rows) => ({
      object: showObject(rows.object),
      where: showRows(rows),
      rule: rows.rule,
    })),
    rules: rules.map(({ effect, kind, object, policy, rule }) => ({ effect, kind, object, policy, rule })),
    reasons: [...new Set((verdict?.approval?.requirements ?? []).flatMap(({ reason }) => reason ?? []))],
    // Bytes are those of whole tables where something is hidden: no news to anybody, and none of the statement's own.
    estimate: { bytes: verdict && hides(verdict) ? null : (estimate.bytes ?? null), rows: estimate.rows ?? null },
  };
}
