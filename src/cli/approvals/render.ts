/** An approval as people read it: what is known in the order that `knownOf` has, a statement's own lines behind a bar, the agent's word last. */
import {
  type Approval,
  type Fact,
  factsOf,
  type Known,
  knownOf,
  type ShownApproval,
  shapeText,
} from '../../approval/index.js';
import { printable, startedAs, titled } from '../../terminal/index.js';
import { moment } from '../../times/index.js';
import { shortId } from '../access/ids.js';

const WIDTH = 14;
const MAX_TEXT = 200;

const linesOf = ({ name, lines }: Fact): string[] =>
  lines.map((line, index) => `${(index === 0 ? name : '').padEnd(WIDTH)} ${printable(line)}`);

/** Behind what is known, under names that say whose word it is. */
const reportedLines = ({ reported }: Known): string[] =>
  reported.map(({ name, lines }) => `${'By the client'.padEnd(WIDTH)} ${name}: ${lines.map(printable).join(' ')}`);

/** Last, and under a name that says whose word it is. */
const wroteLine = ({ wrote: { name, lines } }: Known): string =>
  `${'By the agent'.padEnd(WIDTH)} ${printable(name)}${lines.length === 0 ? '' : `: ${lines.map(printable).join(' ')}`}`;

const warningLines = ({ warnings }: Known): string[] =>
  warnings.map((warning) => `${'!'.padEnd(WIDTH)} ${printable(warning)}`);

/** What `--standing` would let pass besides: the statement with its holes, and what stands in them now. */
function shapeLines({ state, shape }: Approval): string[] {
  if (state !== 'pending') return [];
  if (shape.holes.length === 0) return [`${'Standing'.padEnd(WIDTH)} would let the very same statement pass again`];
  return [
    ...titled('Standing would let pass'.padEnd(WIDTH), shapeText(shape.text)),
    ...shape.holes.map(
      ({ where, kind, example }) =>
        `${' '.repeat(WIDTH)} ${printable(where)} any ${kind}, such as ${printable(example)}`,
    ),
  ];
}

/** `policies_in_force`: the version of them, where it is known. */
type Rendered = Approval & Pick<ShownApproval, 'policies_in_force'>;

export function renderApproval(approval: Rendered): string {
  const known = knownOf(approval);
  return [
    `${printable(known.headline)}`,
    ...warningLines(known),
    `${'Approval'.padEnd(WIDTH)} ${approval.id}`,
    `${'State'.padEnd(WIDTH)} ${approval.state}`,
    ...titled('Statement'.padEnd(WIDTH - 1), approval.statement),
    ...titled('Sent as'.padEnd(WIDTH - 1), approval.sent),
    ...(approval.binds.length > 0 ? [`${'Binds'.padEnd(WIDTH)} ${printable(JSON.stringify(approval.binds))}`] : []),
    ...factsOf(known).flatMap(linesOf),
    ...shapeLines(approval),
    ...reportedLines(known),
    wroteLine(known),
  ].join('\n');
}

/** One in a list: the same, shorter. */
export function renderInList(approval: Rendered): string {
  const known = knownOf(approval);
  const { id, state, subject, expires_at: until, changed_at: changed } = approval;
  const isOpen = state === 'pending' || state === 'approved';
  const when = isOpen ? `open until ${moment(until)}` : `since ${moment(changed)}`;
  const text = approval.statement.replace(/\s+/g, ' ');
  const outcome = known.after.filter(({ name }) => name === 'Outcome').flatMap(({ lines }) => lines);
  return [
    `${id}  ${state}, ${when}, asked for by ${printable(subject)}`,
    `  ${printable(known.headline)}: ${printable(known.size)}`,
    ...known.warnings.map((warning) => `  ! ${printable(warning)}`),
    `  ${printable(text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)} … (${startedAs()} approvals show ${shortId(id)})` : text)}`,
    ...outcome.map((line) => `  Outcome: ${printable(line)}`),
    ...reportedLines(known).map((line) => `  ${line.length > MAX_TEXT ? `${line.slice(0, MAX_TEXT)} …` : line}`),
    `  ${wroteLine(known)}`,
  ].join('\n');
}
