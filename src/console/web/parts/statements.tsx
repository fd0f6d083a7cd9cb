/** Statements in a list, and how each stands. */
import type { JSX } from 'preact';
import type { Statement } from '../requests/answers.ts';
import { linkTo } from '../requests/hooks.ts';
import { Badge, Reason } from './panel.tsx';
import { When } from './times.tsx';
import { count, plural, span, standingOf } from './words.ts';

function Standing({ verdict, state, is_explained: isExplained, approval_end: ended }: Statement): JSX.Element {
  const { tone, word } = standingOf(verdict, state, isExplained, ended);
  return <Badge tone={tone}>{word}</Badge>;
}

const sizeOf = ({
  rows,
  rows_later: later,
  duration_ms: ms,
}: Pick<Statement, 'rows' | 'rows_later' | 'duration_ms'>): string =>
  [
    rows === null ? '' : plural(rows, 'row'),
    later === 0 ? '' : `${count(later)} more later`,
    ms === null ? '' : span(ms),
  ]
    .filter((part) => part !== '')
    .join(' · ');

/** The end of a statement's line: how much it was, and how it stands. */
export const Outcome = ({ statement }: { statement: Statement }): JSX.Element => (
  <span class="row">
    <span class="small muted number">{sizeOf(statement)}</span>
    <Standing {...statement} />
  </span>
);

const StatementLine = ({
  statement,
  isFresh,
  isOfOne,
}: {
  statement: Statement;
  isFresh: boolean;
  isOfOne: boolean;
}): JSX.Element => (
  <a class={`line ${isFresh ? 'fresh' : ''} ${isOfOne ? 'of-one' : ''}`} href={linkTo(`/statements/${statement.id}`)}>
    <When at={statement.at} class="small muted number" />
    <span class="clip agent">{statement.agent}</span>
    <span class="what">
      <p class="sql-line">{statement.text}</p>
      {statement.purpose && <Reason agent={statement.agent} purpose={statement.purpose} />}
    </span>
    <Outcome statement={statement} />
  </a>
);

interface ListProps {
  readonly statements: readonly Statement[];
  /** Those that have just come. */
  readonly fresh?: ReadonlySet<string>;
  /** All of one agent, which need not be named in each line. */
  readonly isOfOne?: boolean;
}

export const StatementList = ({ statements, fresh, isOfOne = false }: ListProps): JSX.Element => (
  <ul class="lines">
    {statements.map((statement) => (
      <li key={statement.id}>
        <StatementLine statement={statement} isFresh={fresh?.has(statement.id) ?? false} isOfOne={isOfOne} />
      </li>
    ))}
  </ul>
);
