/** What a person is asked, and what their word is bound to. */
import { createHash } from 'node:crypto';
import type { AboutApproval, ApprovalText } from './approval/index.js';
import type { Intent } from './intent.js';
import type { Judged } from './judge.js';
import { methodName } from './masking/index.js';
import { type Estimate, hides, showRows } from './policy/index.js';
import { objectKey, type Position, positionsOf, shownUses, showObject } from './sql/index.js';
import { type IsColumn, standingShapeOf } from './standing-shape.js';

/** By which door statements come in. There is one so far: tools of the Model Context Protocol. */
export const DOOR = 'mcp';

/**
 * Names that are columns of tables which the statement names, and that are not masked where it reads them: a mask may be one value for all
 * rows.
 */
function columnsOf({ analysis, verdict, statement }: Judged): IsColumn {
  const placeOf = ({ line, column }: Position): string => `${line}:${column}`;
  const tables = new Map(
    (analysis?.objects ?? []).flatMap(({ object, relation, via }) =>
      via.length === 0 && relation?.kind === 'table' ? [[objectKey(object), relation]] : [],
    ),
  );
  const masked = new Set((verdict?.masks ?? []).map(({ object, column }) => `${objectKey(object)} ${column}`));
  /** What stands at a place; undefined where it is anything but one column of a table. */
  const columns = new Map<string, string | undefined>();
  for (const { object, column, usage, position, via } of analysis?.columns ?? []) {
    if (!position || via.length > 0) continue;
    const place = placeOf(position);
    const isPlain =
      usage === 'predicate' &&
      !masked.has(`${objectKey(object)} ${column}`) &&
      tables.get(objectKey(object))?.columns.some(({ name }) => name === column) === true;
    columns.set(place, isPlain && (!columns.has(place) || columns.get(place) === column) ? column : undefined);
  }
  const tokens = statement?.tokens ?? [];
  const places = positionsOf(statement?.source ?? '', tokens).map(placeOf);
  return (_from, to) => {
    const [last, place] = [tokens[to - 1], places[to - 1]];
    const name = last && (last.kind === 'quoted' ? unquoted(last.text) : last.text.toUpperCase());
    return place !== undefined && name !== undefined && columns.get(place) === name;
  };
}

const unquoted = (text: string): string => text.slice(1, -1).replaceAll('""', '"');

/** What would run, and how wide a standing approval of it would be. */
export function textOf({ request, judged }: Intent): ApprovalText {
  const binds = [...(request.binds ?? [])];
  const { key, text, holes } = standingShapeOf(judged.statement?.tokens ?? [], binds, columnsOf(judged));
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
