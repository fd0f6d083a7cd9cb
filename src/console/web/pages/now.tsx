/** What is going on. */
import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { Bars, VerdictChart } from '../parts/charts.tsx';
import { Badge, Empty, Link, Panel, Reason, Shown } from '../parts/panel.tsx';
import { StatementList } from '../parts/statements.tsx';
import { Since } from '../parts/times.tsx';
import { bytes as bytesText, count, plural } from '../parts/words.ts';
import type { LiveEvent, Now, Statement } from '../requests/answers.ts';
import { useClock, useEvents, useLoaded, useSoon, useTitle } from '../requests/hooks.ts';

const MINUTES = 60;
const SHOWN = 60;
const REFRESH_MS = 5000;

/** The list with what has just happened. */
function withEvents(now: Now, events: readonly LiveEvent[]): Now {
  const statements = new Map(now.statements.map((statement) => [statement.id, statement]));
  const agents = new Map(now.sessions.map(({ id, agent }) => [id, agent]));
  for (const event of events) {
    if (event.statement === null) continue;
    const known = statements.get(event.statement);
    if (event.kind === 'statement_submitted' || (event.kind === 'statement_refused' && !known)) {
      const agent = agents.get(event.session);
      if (agent === undefined) continue;
      const isDenied = event.kind === 'statement_refused' || event.verdict === 'deny';
      const fresh: Statement = {
        id: event.statement,
        at: event.at,
        session_id: event.session,
        agent,
        kind: event.statement_kind,
        verdict: isDenied ? 'denied' : event.verdict === 'approve' ? 'asked' : 'allowed',
        fingerprint: null,
        text: event.text ?? '',
        purpose: event.purpose,
        is_explained: event.is_explained,
        state: isDenied && !event.is_explained ? 'denied' : null,
        approval_end: null,
        rows: null,
        bytes: null,
        duration_ms: null,
        rows_later: 0,
        bytes_later: 0,
      };
      statements.set(event.statement, fresh);
    } else if (known && event.state !== null)
      statements.set(known.id, {
        ...known,
        state: event.state,
        approval_end: event.approval_end,
        rows: event.rows,
        bytes: event.bytes,
        duration_ms: event.duration_ms,
      });
  }
  const newest = [...statements.values()].sort((left, right) => (left.id < right.id ? 1 : -1)).slice(0, SHOWN);
  return { ...now, statements: newest };
}

export function NowPage(): JSX.Element {
  useTitle('Now');
  const loaded = useLoaded<Now>('/now');
  const clock = useClock(10_000);
  const waiting = useRef<LiveEvent[]>([]);
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set());
  const refresh = useSoon(loaded.reload, REFRESH_MS);
  // However many come: the page is drawn a few times a second.
  const draw = useSoon(() => {
    const events = waiting.current;
    waiting.current = [];
    if (loaded.data) loaded.set(withEvents(loaded.data, events));
    setFresh(
      new Set(
        events.flatMap(({ statement, kind }) => (statement && kind === 'statement_submitted' ? [statement] : [])),
      ),
    );
  }, 250);
  const isLive = useEvents((events) => {
    waiting.current.push(...events);
    draw();
    refresh();
  }, loaded.reload);
  return (
    <>
      <div class="head">
        <h1>Now</h1>
        <span class="row muted small" role="status">
          <span class={`live ${isLive ? '' : 'off'}`} />
          {isLive ? 'live' : 'not connected; it is tried again'}
        </span>
      </div>
      <Shown loaded={loaded}>
        {(now) => {
          const denied = now.verdicts
            .filter(({ verdict }) => verdict === 'denied')
            .reduce((sum, entry) => sum + entry.statements, 0);
          const all = now.verdicts.reduce((sum, entry) => sum + entry.statements, 0);
          return (
            <>
              {now.policies.problem && (
                <p class="note bad" role="alert">
                  The policies no longer check, so the last good set is in force: {now.policies.problem}
                </p>
              )}
              <div class="tiles">
                <div class="tile">
                  <strong>{count(now.sessions.length)}</strong>
                  <span class="muted">sessions in the last half hour</span>
                </div>
                <div class="tile">
                  <strong>{count(all)}</strong>
                  <span class="muted">statements in the last hour</span>
                </div>
                <div class={`tile ${denied > 0 ? 'bad' : ''}`}>
                  <strong>{count(denied)}</strong>
                  <span class="muted">of them refused</span>
                </div>
                <div class={`tile ${now.pending > 0 ? 'wait' : ''}`}>
                  <strong>
                    {count(now.pending)}
                    {now.is_more_pending ? '+' : ''}
                  </strong>
                  <Link to="/approvals">
                    {now.pending === 1 && !now.is_more_pending ? 'waits for a person' : 'wait for a person'}
                  </Link>
                </div>
              </div>
              <div class="columns wide-first">
                <Panel title="Verdicts, last hour">
                  <VerdictChart counts={now.verdicts} minutes={MINUTES} now={clock} />
                </Panel>
                <Panel title="Read most today">
                  {now.bytes.length === 0 ? (
                    <Empty>Nobody has read anything yet.</Empty>
                  ) : (
                    <Bars
                      items={now.bytes.map(({ agent, bytes }) => ({
                        name: agent,
                        value: bytes,
                        text: bytesText(bytes),
                      }))}
                    />
                  )}
                </Panel>
              </div>
              <div class="columns wide-first">
                <Panel title="Statements as they come" isBare>
                  {now.statements.length === 0 ? (
                    <Empty>Nothing was asked in the last hour.</Empty>
                  ) : (
                    <StatementList statements={now.statements} fresh={fresh} />
                  )}
                </Panel>
                <Panel title="Live sessions" isBare>
                  {now.sessions.length === 0 ? (
                    <Empty>No agent is here.</Empty>
                  ) : (
                    <ul class="lines">
                      {now.sessions.map((session) => (
                        <li key={session.id}>
                          <Link to={`/sessions/${session.id}`} class="line plain-line">
                            <span class="what">
                              <p>
                                <strong>{session.agent}</strong>{' '}
                                <span class="muted small">{session.client.name ?? session.transport}</span>
                              </p>
                              <p class="small sql-line">{session.text ?? ''}</p>
                              {session.purpose !== null && <Reason agent={session.agent} purpose={session.purpose} />}
                              <span class="row small muted">
                                {plural(session.statements, 'statement')}
                                {session.refused > 0 && <Badge tone="bad">{count(session.refused)} refused</Badge>}
                              </span>
                            </span>
                            <span class="muted number small">
                              <Since at={session.last_at} now={clock} />
                            </span>
                          </Link>
                        </li>
                      ))}
                    </ul>
                  )}
                </Panel>
              </div>
            </>
          );
        }}
      </Shown>
    </>
  );
}
