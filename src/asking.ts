/** What a person is asked, and what their word is bound to. */
import { createHash } from 'node:crypto';
import type { AboutApproval, ApprovalText } from './approval/index.js';
import type { Intent } from './intent.js';
import type { Judged } from './judge.js';
import { methodName } from './masking/index.js';
import { type Estimate, hides, showRows } from './policy/index.js';
import { shownUses, showObject } from './sql/index.js';
import { standingShapeOf } from './standing-shape.js';

/** By which door statements come in. There is one so far: tools of the Model Context Protocol. */
export const DOOR = 'mcp';

/** What would run, and how wide a standing approval of it would be. */
export function textOf({ request, judged }: Intent): ApprovalText {
  const binds = [...(request.binds ?? [])];
  const { key, text, holes } = standingShapeOf(judged.statement?.tokens ?? [], binds);
  return {
    statement: request.sql,
    sent: judged.sent ?? '',
    binds,
    purpose: request.purpose ?? null,
    door: DOOR,
    shape: { key, text, holes: [...holes] },
  };
}

/**
 * SHA-256, hexadecimal, over the statement's kind, over what it reads, writes and calls as the catalog has it now (kinds, columns, view
 * texts), and over the masks and row predicates that it runs under. The text, the principal and the policies' version are bound by themselves.
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
  const functions = (analysis?.functions ?? []).map(({ name }) => name).sort();
  const under = [verdict?.role ?? null, verdict?.warehouse ?? null];
  return createHash('sha256')
    .update(JSON.stringify([analysis?.kind ?? null, objects, functions, masks, rows, under]))
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
