/** An approval as people read it: one line for each field, and a statement's own lines behind a bar. */
import type { Approval } from '../../approval/index.js';
import { printable, titled } from '../../terminal/index.js';

const SIZES = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'] as const;

function sizeOf(bytes: number): string {
  const step = Math.min(SIZES.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${(bytes / 1000 ** step).toFixed(step === 0 ? 0 : 1)} ${SIZES[step]}`;
}

function aboutLines({ about }: Approval): string[] {
  if (!about) return [];
  const { kind, objects, columns, masks, row_predicates: predicates, reasons, estimate } = about;
  const lines = (title: string, items: readonly string[]): string[] =>
    items.map((item, index) => `${(index === 0 ? title : '').padEnd(10)} ${printable(item)}`);
  const sizes = [
    ...(estimate.rows === null ? [] : [`${estimate.rows} rows${kind === 'merge' ? ' at most' : ''}`]),
    ...(estimate.bytes === null ? [] : [`scans up to ${sizeOf(estimate.bytes)}`]),
  ];
  return [
    ...lines('Kind', [kind]),
    ...lines('Touches', sizes.length > 0 ? [sizes.join(', ')] : []),
    ...lines('Why', reasons),
    ...lines(
      'Objects',
      objects.map(
        ({ object, access, via }) => `${object} (${access}${via.length > 0 ? `, through ${via.join(', ')}` : ''})`,
      ),
    ),
    ...lines('Columns', columns.length > 0 ? [columns.join(', ')] : []),
    ...lines(
      'Masked',
      masks.map(({ column, method, rule }) => `${column}: ${method} (${rule})`),
    ),
    ...lines(
      'Rows',
      predicates.map(({ object, where, rule }) => `${object} where ${where} (${rule})`),
    ),
  ];
}

/** What `--standing` would let pass besides: the statement with its holes, and what stands in them now. */
function shapeLines({ state, shape }: Approval): string[] {
  if (state !== 'pending') return [];
  if (shape.holes.length === 0) return ['Standing   would let the very same statement pass again'];
  return [
    ...titled('Standing ', shape.text),
    ...shape.holes.map(
      ({ where, kind, example }) => `           ${printable(where)} any ${kind}, such as ${printable(example)}`,
    ),
  ];
}

/** For people: one line for each field, and a statement's own lines behind a bar. */
export function renderApproval(approval: Approval): string {
  const lines = [
    `Approval   ${approval.id}`,
    `State      ${approval.state}, open until ${approval.expires_at.toISOString()}`,
    `Agent      ${printable(approval.subject)} of ${printable(approval.issuer)} (client ${printable(approval.client_id)})`,
    `Purpose    ${printable(approval.purpose ?? '(none given)')}`,
    ...approval.requirements.map(
      ({ issuers, groups, count, rule }) =>
        `Needs      ${count} of ${printable(groups.join(', '))}${issuers.includes(approval.issuer.replace(/\/$/, '')) ? '' : ` at ${printable(issuers.join(', '))}`} (${printable(rule)})`,
    ),
    ...aboutLines(approval),
    ...titled('Statement', approval.statement),
    ...titled('Sent as  ', approval.sent),
    ...(approval.format === undefined ? [] : [`Result     is wanted whole, as a ${approval.format} file`]),
    ...shapeLines(approval),
    ...(approval.binds.length > 0 ? [`Binds      ${printable(JSON.stringify(approval.binds))}`] : []),
    ...approval.decisions.map(
      (entry) =>
        `${entry.decision === 'approve' ? 'Approved' : 'Denied'} by ${printable(entry.reviewer)}${entry.reason ? `: ${printable(entry.reason)}` : ''}`,
    ),
  ];
  return lines.join('\n');
}
