/** Sessions and the search over all statements. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Pages } from '../parts/lists.tsx';
import { Badge, Empty, Link, Panel, Problem, Shown } from '../parts/panel.tsx';
import { StatementList } from '../parts/statements.tsx';
import { Table } from '../parts/table.tsx';
import { Since, When } from '../parts/times.tsx';
import { count, plural, sumsWords } from '../parts/words.ts';
import type { Session, Statement, Sums } from '../requests/answers.ts';
import { get, withQuery } from '../requests/api.ts';
import { goTo, useClock, useHere, useLoaded, useTitle } from '../requests/hooks.ts';

const EXAMPLES = [
  'verdict:denied after:7d',
  'agent:sales-bot table:CUSTOMERS',
  'duration:>10s',
  'masked:EMAIL',
  '"card number"',
];

interface Found {
  readonly statements: readonly Statement[];
  readonly cursor: string | null;
  /** Of one page. */
  readonly sums: Sums;
  readonly notes: readonly string[];
}

/** Of one page after the other. */
const together = (left: Sums, right: Sums): Sums => ({
  statements: left.statements + right.statements,
  refused: left.refused + right.refused,
  rows: left.rows + right.rows,
  rows_later: left.rows_later + right.rows_later,
  rows_changed: left.rows_changed + right.rows_changed,
  bytes: left.bytes + right.bytes,
});

function Results({ q }: { q: string }): JSX.Element {
  const [found, setFound] = useState<Found | undefined>();
  const [error, setError] = useState<Error | undefined>();
  const ask = (cursor?: string): void => {
    get<Found>(withQuery('/search', { q, cursor })).then(
      (page) => {
        setError(undefined);
        setFound((before) =>
          cursor === undefined || !before
            ? page
            : {
                ...page,
                statements: [...before.statements, ...page.statements],
                sums: together(before.sums, page.sums),
              },
        );
      },
      (problem: Error) => setError(problem),
    );
  };
  useEffect(() => {
    setFound(undefined);
    ask();
  }, [q]);
  if (error) return <Problem error={error} />;
  if (!found) return <p class="loading">Searching …</p>;
  return (
    <Panel
      title={
        found.cursor === null
          ? plural(found.statements.length, 'statement')
          : `The newest ${count(found.statements.length)}`
      }
      isBare
    >
      {found.statements.length === 0 ? (
        <Empty>
          <p>Nothing found. Try fewer words, or a longer time: after:30d.</p>
          {found.notes.map((note) => (
            <p key={note}>{note}</p>
          ))}
        </Empty>
      ) : (
        <>
          <p class="body small muted">
            {found.cursor === null ? 'Together' : 'These together'}: {sumsWords(found.sums)}.
          </p>
          <StatementList statements={found.statements} />
        </>
      )}
      {found.cursor !== null && (
        <p class="empty">
          <button type="button" class="button" onClick={() => ask(found.cursor ?? undefined)}>
            Show more
          </button>
        </p>
      )}
    </Panel>
  );
}

function SessionList({ agent }: { agent: string | undefined }): JSX.Element {
  const after = useHere().query.get('after') ?? undefined;
  const loaded = useLoaded<{ sessions: readonly Session[]; next: string | null }>(
    withQuery('/sessions', { agent, after, limit: 100 }),
  );
  const now = useClock(30_000);
  return (
    <Shown loaded={loaded}>
      {({ sessions, next }) => (
        <Panel title={after === undefined ? 'Newest sessions' : 'Older sessions'} isBare>
          {sessions.length === 0 ? (
            <Empty>No agent has been here yet.</Empty>
          ) : (
            <Table
              headings={[
                'Agent',
                'Client',
                'Opened',
                'Last',
                { text: 'Statements', is: 'number' },
                { text: 'Refused', is: 'number' },
              ]}
            >
              {sessions.map((session) => (
                <tr key={session.id}>
                  <td>
                    <Link to={`/sessions/${session.id}`}>{session.subject}</Link>
                    <div class="small muted">{session.groups.join(', ') || 'no group'}</div>
                  </td>
                  <td>{session.client.name ?? session.transport}</td>
                  <td class="nowrap">
                    <When at={session.opened_at} />
                  </td>
                  <td class="nowrap">
                    <Since at={session.last_at} now={now} /> {session.is_open ? <Badge tone="good">open</Badge> : null}
                  </td>
                  <td class="number">{count(session.statements)}</td>
                  <td class="number">
                    {session.refused > 0 ? <Badge tone="bad">{count(session.refused)}</Badge> : '0'}
                  </td>
                </tr>
              ))}
            </Table>
          )}
          <Pages path="/sessions" query={{}} after={after} next={next} />
        </Panel>
      )}
    </Shown>
  );
}

export function SessionsPage(): JSX.Element {
  useTitle('Sessions');
  const { query } = useHere();
  const q = query.get('q') ?? '';
  const [text, setText] = useState(q);
  useEffect(() => setText(q), [q]);
  return (
    <>
      <div class="head">
        <h1>Sessions</h1>
      </div>
      <search>
        <form
          class="search"
          onSubmit={(event) => {
            event.preventDefault();
            goTo(withQuery('/sessions', { q: text.trim() }));
          }}
        >
          <input
            id="search"
            type="search"
            aria-label="Search all statements"
            placeholder='agent:sales-bot table:CUSTOMERS verdict:denied "card"'
            value={text}
            autocomplete="off"
            spellcheck={false}
            onInput={(event) => setText(event.currentTarget.value)}
          />
          <button type="submit" class="button primary">
            Search
          </button>
        </form>
      </search>
      <p class="row small">
        <span class="muted">Such as</span>
        {EXAMPLES.map((example) => (
          <Link key={example} to={withQuery('/sessions', { q: example })}>
            {example}
          </Link>
        ))}
      </p>
      {q === '' ? <SessionList agent={undefined} /> : <Results q={q} />}
    </>
  );
}
