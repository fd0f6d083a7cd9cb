/** What a person is asked, and what their word is bound to. */
import { createHash } from 'node:crypto';
import type { AboutApproval, ApprovalText } from '../../approval/index.js';
import { methodName } from '../../masking/index.js';
import { type Estimate, hides, readMasks, showRows } from '../../policy/index.js';
import {
  isUnknown,
  type Origin,
  objectKey,
  shownUses,
  shownWrites,
  showObject,
  type Token,
  tokensOf,
} from '../../sql/index.js';
import type { Judged } from '../judge/judged.js';
import type { Intent } from '../record/intent.js';
import { valuesOf } from './same.js';
import { type IsColumn, standingShapeOf } from './standing-shape.js';

/** By which door statements come in. There is one so far: tools of the Model Context Protocol. */
export const DOOR = 'mcp';

/**
 * Names that are columns of tables which the statement names, and that are not masked where it reads them: a mask may be one value for all
 * rows.
 */
function columnsOf({ analysis, verdict }: Judged, tokens: readonly Token[]): IsColumn {
  const tables = new Map(
    (analysis?.objects ?? []).flatMap(({ object, relation, via }) =>
      via.length === 0 && relation?.kind === 'table' ? [[objectKey(object), relation]] : [],
    ),
  );
  const masked = new Set((verdict?.masks ?? []).map(({ object, column }) => `${objectKey(object)} ${column}`));
  const isPlain = ({ object, column }: Origin): boolean =>
    !masked.has(`${objectKey(object)} ${column}`) &&
    tables.get(objectKey(object))?.columns.some(({ name }) => name === column) === true;
  /** The one name that all columns of a list have, if they are plain. */
  const named = new Map<readonly Origin[], string | undefined>();
  const nameOf = (origins: readonly Origin[]): string | undefined => {
    if (!named.has(origins)) {
      const known = origins.filter((origin) => !isUnknown(origin));
      const column = known[0]?.column;
      const isOne = known.every((origin) => origin.column === column);
      named.set(origins, isOne && known.every(isPlain) ? column : undefined);
    }
    return named.get(origins);
  };
  /** What stands at a token; undefined where it is anything but one column of a table. */
  const columns = new Map<number, string | undefined>();
  for (const { origins, usage, token } of analysis?.places ?? []) {
    const column = usage === 'predicate' ? nameOf(origins) : undefined;
    columns.set(token, !columns.has(token) || columns.get(token) === column ? column : undefined);
  }
  return (_from, to) => {
    const last = tokens[to - 1];
    const name = last && (last.kind === 'quoted' ? unquoted(last.text) : last.text.toUpperCase());
    return name !== undefined && columns.get(to - 1) === name;
  };
}

const unquoted = (text: string): string => text.slice(1, -1).replaceAll('""', '"');

/** What would run, and how wide a standing approval of it would be. */
export function textOf({ request, judged }: Intent): ApprovalText {
  const binds = [...(request.binds ?? [])];
  const tokens = judged.statement ? tokensOf(judged.statement) : [];
  const { key, text, holes, places } = standingShapeOf(tokens, binds, columnsOf(judged, tokens));
  return {
    statement: request.sql,
    sent: judged.sent ?? '',
    binds,
    purpose: request.purpose ?? null,
    door: DOOR,
    // A word that was given for a page is none for a file, nor the other way round.
    shape: {
      key: request.format === undefined ? key : JSON.stringify([key, request.format]),
      text,
      holes: [...holes],
      values: valuesOf(tokens, binds, (at) => places.has(at)),
    },
    ...(request.format === undefined ? {} : { format: request.format }),
    ...reportedOf(request),
  };
}

/** UTF-16 units of a prompt: more than anybody is shown, so that it is cut behind what is masked in it. */
const KEPT_PROMPT = 8000;

/** As much as was reported of where it comes from. */
function reportedOf({ reported }: Intent['request']): Pick<ApprovalText, 'reported'> {
  const { prompt, job } = reported ?? {};
  if (!prompt && !job) return {};
  return {
    reported: {
      ...(prompt ? { prompt: { ...prompt, text: prompt.text.slice(0, KEPT_PROMPT).toWellFormed() } } : {}),
      ...(job ? { job: { ...job.parts }, job_source: job.source } : {}),
    },
  };
}

/**
 * SHA-256, hexadecimal, over the statement's kind, over what it reads, writes and calls as the catalog has it now (kinds, columns, view
 * texts, constraints), and over the masks and row predicates that it runs under. The text, the principal and the policies' version are bound by themselves.
 */
export function fitsOf({ analysis, verdict }: Judged): string {
  const objects = (analysis?.objects ?? []).map(({ object, access, via, relation }) => [
    showObject(object),
    access,
    via.map(showObject),
    relation?.kind ?? null,
    relation?.viewText ?? null,
    relation?.isSecure ?? null,
    relation?.columns.map(({ name, type, expression }) => [
      name,
      type,
      ...(expression === undefined ? [] : [expression]),
    ]) ?? null,
  ]);
  const constraints = analysis?.target?.constraints ?? null;
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
    .update(JSON.stringify([analysis?.kind ?? null, objects, functions, masks, rows, under, constraints]))
    .digest('hex');
}

const NARROWED: ReadonlySet<string> = new Set(['update', 'delete', 'merge']);

/** The columns of its target that it writes, and whether it says which rows of it. */
function changesOf(analysis: Judged['analysis']) {
  const target = analysis?.target;
  if (!target) return { written: [], removes: false, every_row_of: null, of: null };
  const table = showObject(target.object);
  // INSERT OVERWRITE empties it first.
  const isEmptied = analysis.changes.includes('truncate');
  const touchesRows = isEmptied || NARROWED.has(analysis.kind);
  return {
    written: shownWrites(analysis),
    removes: isEmptied || analysis.changes.includes('delete'),
    every_row_of: isEmptied || (touchesRows && !analysis.hasWhere) ? table : null,
    of: touchesRows && target.relation?.kind === 'table' ? (target.relation.rows ?? null) : null,
  };
}

/** What is not known of its size is told with why. */
function sizeFor({ analysis, verdict }: Judged, { bytes, rows, uncounted }: Estimate): AboutApproval['estimate'] {
  // Bytes are those of whole tables where something is hidden: no news to anybody, and none of the statement's own.
  const isHidden = verdict !== undefined && hides(verdict);
  const told = isHidden ? undefined : bytes;
  return {
    bytes: told ?? null,
    rows: rows ?? null,
    of: changesOf(analysis).of,
    uncounted: rows === undefined ? (uncounted ?? null) : null,
    unweighed: told !== undefined ? null : isHidden ? 'hidden' : 'unsaid',
  };
}

/** No values of rows: reviewers see what would be touched, and how much of it. */
export function aboutOf(judged: Judged, estimate: Estimate): AboutApproval {
  const { analysis, verdict } = judged;
  const rules = verdict?.rules ?? [];
  const { written, removes, every_row_of } = changesOf(analysis);
  return {
    kind: analysis?.kind ?? '',
    ...shownUses(analysis),
    written,
    removes,
    every_row_of,
    masks: readMasks(verdict?.masks ?? [], analysis).map(({ object, column, method, rule }) => ({
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
    estimate: sizeFor(judged, estimate),
  };
}
