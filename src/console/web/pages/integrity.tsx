/** How the record itself is doing. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Badge, Empty, Link, Panel, Problem, Shown } from '../parts/panel.tsx';
import { Table } from '../parts/table.tsx';
import { Since, When } from '../parts/times.tsx';
import { count, eventWords, plural } from '../parts/words.ts';
import type { Integrity, RecordedEvent } from '../requests/answers.ts';
import { post } from '../requests/api.ts';
import { useClock, useLoaded, useTitle } from '../requests/hooks.ts';
import { useMe } from '../requests/me.ts';

const text = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '');

/** How many problems whoever verified names as looked into. */
const acknowledgedIn = ({ acknowledged }: RecordedEvent['body']): string =>
  Array.isArray(acknowledged) ? `, ${plural(acknowledged.length, 'event')} acknowledged` : '';

function aboutAct({ kind, body }: RecordedEvent): string {
  switch (kind) {
    case 'record_verified':
      return `${count(Number(body['events'] ?? 0))} events, ${body['is_whole'] === true ? `whole${acknowledgedIn(body)}` : `${count(Number(body['breaks'] ?? 0))} breaks`}`;
    case 'record_viewed':
      return text(body['approval'])
        ? `approval ${text(body['approval'])}`
        : text(body['statement'])
          ? `statement ${text(body['statement'])}`
          : text(body['session'])
            ? `session ${text(body['session'])}`
            : '';
    case 'integrity_problem':
      return text(body['problem']);
    default:
      return text(body['reason']) || text(body['file']);
  }
}

export function IntegrityPage(): JSX.Element {
  useTitle('Integrity');
  const loaded = useLoaded<Integrity>('/integrity');
  const now = useClock(5000);
  const { roles } = useMe();
  const [problem, setProblem] = useState<Error | undefined>();
  const retry = (name: string): void => {
    post<{ problem: string | null }>(`/webhooks/${name}/retry`).then((done) => {
      setProblem(done.problem === null ? undefined : new Error(`${name}: ${done.problem}`));
      loaded.reload();
    }, setProblem);
  };
  return (
    <>
      <div class="head">
        <h1>Integrity</h1>
      </div>
      <Shown loaded={loaded}>
        {(integrity) => {
          const [newest] = integrity.checkpoints;
          const verified = integrity.acts.find(({ kind }) => kind === 'record_verified');
          const problems = integrity.acts.filter(({ kind }) => kind === 'integrity_problem');
          return (
            <>
              {integrity.problem !== null && (
                <p class="note bad" role="alert">
                  This gateway found the record changed: {integrity.problem} It signs no checkpoint since
                  {integrity.goes_on ? '' : ', and runs no statement'}.
                </p>
              )}
              {problems.length > 0 && (
                <p class="note bad" role="alert">
                  {plural(problems.length, 'integrity problem')} in the last weeks: run <code>snowfence verify</code>{' '}
                  where the gateway runs, with its configuration.
                </p>
              )}
              {problem && <Problem error={problem} />}
              <div class="tiles">
                <div class="tile">
                  <strong>{count(integrity.events)}</strong>
                  <span class="muted">events in {plural(integrity.sessions, 'session')}</span>
                </div>
                <div class="tile">
                  <strong>{newest?.at ? <Since at={newest.at} now={now} /> : '–'}</strong>
                  <span class="muted">last checkpoint</span>
                </div>
                <div class="tile">
                  <strong>{count(integrity.uncovered)}</strong>
                  <span class="muted">sessions since that one</span>
                </div>
                <div class="tile">
                  <strong>{verified ? <Since at={verified.at} now={now} /> : 'never'}</strong>
                  <span class="muted">
                    {verified ? `verified by ${verified.by}: ${aboutAct(verified)}` : 'verified by snowfence verify'}
                  </span>
                </div>
              </div>
              <div class="columns">
                <Panel title="Checkpoints" isBare>
                  {integrity.checkpoints.length === 0 ? (
                    <Empty>The first is signed within a minute.</Empty>
                  ) : (
                    <Table headings={[{ text: 'Size', is: 'number' }, 'When', 'Root']}>
                      {integrity.checkpoints.map(({ size, note, at }) => (
                        <tr key={size}>
                          <td class="number">{count(size)}</td>
                          <td class="nowrap">{at ? <When at={at} /> : ''}</td>
                          <td class="mono wrap">{note.split('\n')[2]}</td>
                        </tr>
                      ))}
                    </Table>
                  )}
                </Panel>
                <div class="stack">
                  <Panel title="Public key">
                    <p class="mono wrap">{integrity.key}</p>
                    <p class="muted small">With it anybody can verify an export: docs/recording.md tells how.</p>
                  </Panel>
                  <Panel title="Webhooks" isBare>
                    {integrity.webhooks.length === 0 ? (
                      <Empty>The configuration names none.</Empty>
                    ) : (
                      <Table headings={['Webhook', 'Last delivered', 'State']}>
                        {integrity.webhooks.map((webhook) => (
                          <tr key={webhook.name}>
                            <td>
                              {webhook.name}
                              <div class="small muted wrap">{webhook.url}</div>
                            </td>
                            <td class="nowrap">
                              {webhook.delivered_at ? <Since at={webhook.delivered_at} now={now} /> : 'never'}
                            </td>
                            <td>
                              {webhook.failing > 0 && (
                                <Badge tone="bad">{plural(webhook.failing, 'session')} waiting</Badge>
                              )}
                              {webhook.behind && <Badge tone="bad">behind</Badge>}
                              {webhook.failing === 0 && !webhook.behind && <Badge tone="good">fine</Badge>}
                              {webhook.dead > 0 && <Badge tone="bad">{count(webhook.dead)} given up</Badge>}
                              {webhook.dead > 0 && roles.includes('administrator') && (
                                <button type="button" class="button small" onClick={() => retry(webhook.name)}>
                                  Send again
                                </button>
                              )}
                              {webhook.behind && <div class="small wrap">{webhook.behind}</div>}
                              {webhook.problem && <div class="small wrap">{webhook.problem}</div>}
                            </td>
                          </tr>
                        ))}
                      </Table>
                    )}
                  </Panel>
                  <Panel title="Acts on the record" isBare>
                    {integrity.acts.length === 0 ? (
                      <Empty>None in five weeks.</Empty>
                    ) : (
                      <ul class="lines">
                        {integrity.acts.map((act) => {
                          const [words, tone] = eventWords(act.kind);
                          return (
                            <li key={act.sequence}>
                              <Link to={`/sessions/${act.session}`} class="line plain-line">
                                <span class="what">
                                  <p>{aboutAct(act)}</p>
                                  <p class="small muted">
                                    by {act.by}, <When at={act.at} />
                                  </p>
                                </span>
                                <Badge tone={tone}>{words}</Badge>
                              </Link>
                            </li>
                          );
                        })}
                      </ul>
                    )}
                    {integrity.acts_left_out > 0 && (
                      <p class="small muted">
                        {plural(integrity.acts_left_out, 'older act')} of the same kinds: the newest fifty of each are
                        here, an export has them all.
                      </p>
                    )}
                  </Panel>
                </div>
              </div>
            </>
          );
        }}
      </Shown>
    </>
  );
}
