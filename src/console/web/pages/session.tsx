/** One session, as a line of time that can be played. */
import type { JSX } from 'preact';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { Virtual } from '../parts/lists.tsx';
import { Badge, Panel, Problem, Shown } from '../parts/panel.tsx';
import { Outcome } from '../parts/statements.tsx';
import { When } from '../parts/times.tsx';
import { count, plural, span, sumsWords } from '../parts/words.ts';
import type { Session, Statement, Sums } from '../requests/answers.ts';
import { get, withQuery } from '../requests/api.ts';
import { goTo, linkTo, useLoaded, useTitle } from '../requests/hooks.ts';
import { StatementView } from './statement.tsx';

const PAGE = 500;
const ROW = 56;
/** A pause is played no longer than this. */
const LONGEST_PAUSE_MS = 2000;
const SHORTEST_PAUSE_MS = 120;

/** What was asked, a page at a time, as one scrolls. */
function useStatements(session: string) {
  const [statements, setStatements] = useState<readonly Statement[]>([]);
  const [isWhole, setWhole] = useState(false);
  const [error, setError] = useState<Error | undefined>();
  const asking = useRef(false);
  const more = useCallback(() => {
    if (asking.current || isWhole) return;
    asking.current = true;
    get<{ statements: Statement[]; more: boolean }>(
      withQuery(`/sessions/${session}/statements`, { after: statements.at(-1)?.id, limit: PAGE }),
    )
      .then((page) => {
        setStatements((before) => [...before, ...page.statements]);
        setWhole(!page.more);
      }, setError)
      .finally(() => {
        asking.current = false;
      });
  }, [session, statements, isWhole]);
  useEffect(more, [session]);
  return { statements, isWhole, error, more };
}

export function SessionPage({ id }: { id: string }): JSX.Element {
  const loaded = useLoaded<Session & { readonly sums: Sums }>(`/sessions/${id}`);
  const { statements, isWhole, error, more } = useStatements(id);
  const [current, setCurrent] = useState(0);
  const [isPlaying, setPlaying] = useState(false);
  const [speed, setSpeed] = useState(4);
  useTitle(loaded.data ? `Session of ${loaded.data.subject}` : 'Session');
  const last = statements.length - 1;
  useEffect(() => {
    if (!isPlaying) return;
    const [here, next] = [statements[current], statements[current + 1]];
    if (!here || !next) {
      if (isWhole) setPlaying(false);
      else more();
      return;
    }
    const pause = (Date.parse(next.at) - Date.parse(here.at)) / speed;
    const timer = setTimeout(
      () => setCurrent(current + 1),
      Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, pause)),
    );
    return () => clearTimeout(timer);
  }, [isPlaying, current, speed, statements, isWhole, more]);
  const step = (by: number): void => {
    setPlaying(false);
    setCurrent(Math.max(0, Math.min(last, current + by)));
    if (current + by > last - 50) more();
  };
  const onKey = (event: KeyboardEvent): void => {
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: 1,
      ArrowUp: -1,
      j: 1,
      k: -1,
      PageDown: 10,
      PageUp: -10,
    };
    const by = steps[event.key];
    if (
      by === undefined ||
      (event.target instanceof HTMLElement && /^(?:INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName))
    )
      return;
    event.preventDefault();
    step(by);
  };
  const selected = statements[current];
  return (
    <Shown loaded={loaded}>
      {(session) => (
        <>
          <div class="head">
            <h1>{session.subject}</h1>
            <span class="muted">
              {session.client.name ?? session.transport}
              {session.client.version ? ` ${session.client.version}` : ''}
            </span>
            {session.is_open && <Badge tone="good">open</Badge>}
          </div>
          <dl class="facts">
            <dt>Opened</dt>
            <dd>
              <When at={session.opened_at} />, {span(Date.parse(session.last_at) - Date.parse(session.opened_at))} long
            </dd>
            <dt>Of the issuer</dt>
            <dd class="wrap">{session.issuer}</dd>
            <dt>Groups</dt>
            <dd>{session.groups.join(', ') || 'none'}</dd>
            <dt>Came by</dt>
            <dd>
              {session.transport}
              {session.address ? ` from ${session.address}` : ''}
            </dd>
            <dt>In all</dt>
            <dd>{sumsWords(session.sums)}</dd>
            <dt>Session</dt>
            <dd class="mono wrap">{session.id}</dd>
          </dl>
          {error && <Problem error={error} />}
          {/* biome-ignore lint/a11y/noStaticElementInteractions: keys move within the list */}
          <div class="columns" onKeyDown={onKey}>
            <Panel
              title={plural(session.statements, 'statement')}
              side={session.refused > 0 ? <Badge tone="bad">{count(session.refused)} refused</Badge> : null}
              isBare
            >
              <div class="body player">
                <button
                  type="button"
                  class="button small"
                  onClick={() => step(-1)}
                  disabled={current === 0}
                  aria-label="Step back"
                >
                  ◀
                </button>
                <button
                  type="button"
                  class="button small primary"
                  onClick={() => setPlaying(!isPlaying)}
                  disabled={statements.length < 2}
                >
                  {isPlaying ? 'Pause' : 'Play'}
                </button>
                <button
                  type="button"
                  class="button small"
                  onClick={() => step(1)}
                  disabled={current >= last}
                  aria-label="Step forward"
                >
                  ▶
                </button>
                <input
                  type="range"
                  aria-label="Place in the session"
                  min={0}
                  max={Math.max(0, last)}
                  value={current}
                  onInput={(event) => {
                    setPlaying(false);
                    setCurrent(Number(event.currentTarget.value));
                  }}
                />
                <select
                  aria-label="Speed"
                  value={String(speed)}
                  onChange={(event) => setSpeed(Number(event.currentTarget.value))}
                >
                  {[1, 4, 16, 64].map((factor) => (
                    <option key={factor} value={String(factor)}>
                      {factor}×
                    </option>
                  ))}
                </select>
              </div>
              <Virtual items={statements} height={ROW} label="Statements in order" current={current} onEnd={more}>
                {(statement, index) => (
                  <li key={statement.id}>
                    <a
                      class={`line plain-line ${index === current ? 'is-current' : ''}`}
                      style={{ top: `${index * ROW}px`, height: `${ROW}px` }}
                      href={linkTo(`/statements/${statement.id}`)}
                      aria-current={index === current ? 'true' : undefined}
                      onClick={(event) => {
                        if (event.metaKey || event.ctrlKey || event.shiftKey) return;
                        event.preventDefault();
                        setPlaying(false);
                        setCurrent(index);
                      }}
                    >
                      <span class="what">
                        <p class="sql-line">{statement.text}</p>
                        <p class="small muted">
                          <When at={statement.at} />
                          {statement.purpose !== null && (
                            <>
                              , the agent wrote: <q>{statement.purpose}</q>
                            </>
                          )}
                        </p>
                      </span>
                      <Outcome statement={statement} />
                    </a>
                  </li>
                )}
              </Virtual>
            </Panel>
            <div class="stack">
              {selected && (
                <>
                  <StatementView id={selected.id} />
                  <p>
                    <button type="button" class="button small" onClick={() => goTo(`/statements/${selected.id}`)}>
                      Open on its own
                    </button>
                  </p>
                </>
              )}
            </div>
          </div>
        </>
      )}
    </Shown>
  );
}
