/** Everything that happened to one statement: purpose, statement, verdict, rows. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Badge, Link, Panel, Problem, Reason, Reported, Shown } from '../parts/panel.tsx';
import { Differences, Sql } from '../parts/sql.tsx';
import { Table } from '../parts/table.tsx';
import { When } from '../parts/times.tsx';
import { UsesTable } from '../parts/uses.tsx';
import { bytes, eventWords, plural, span } from '../parts/words.ts';
import type { StatementDetail, StatementEvent, Uses } from '../requests/answers.ts';
import { post } from '../requests/api.ts';
import { useLoaded, useTitle } from '../requests/hooks.ts';
import { useMe } from '../requests/me.ts';

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The rows that the agent saw, where the policy has them recorded. */
function RowsTable({ event }: { event: StatementEvent }): JSX.Element | null {
  const columns = list(event.body['columns']).map(String);
  const rows = list(event.body['result']);
  if (columns.length === 0 || rows.length === 0) return null;
  return (
    <Table caption="Rows as the agent saw them" headings={columns}>
      {rows.slice(0, 50).map((row, index) => (
        <tr key={index}>
          {list(row).map((cell, at) => (
            <td key={at} class="mono wrap">
              {cell === null ? 'NULL' : typeof cell === 'object' ? JSON.stringify(cell) : String(cell)}
            </td>
          ))}
        </tr>
      ))}
    </Table>
  );
}

/** People without the issuers that know them. */
const namesOf = (people: readonly unknown[]): string =>
  people.map((person) => String(person).slice(String(person).indexOf(' ') + 1)).join(', ');

const agentWrote = (words: string | undefined): string => (words === undefined ? '' : `the agent wrote: ${words}`);

/** One request of a statement that was asked for before: by which client, by whose word it may run, and in which words it came. */
function againWords(body: StatementEvent['body']): string {
  const client = text((body['connection'] as { client?: unknown } | undefined)?.client);
  const names = namesOf(list(body['reviewers']));
  const typed = text((body['prompt'] as { text?: unknown } | undefined)?.text);
  return [
    names === '' ? '' : `by the word of ${names}`,
    body['waiting'] === undefined ? '' : 'asked for once more',
    client === undefined ? '' : `the client: ${client}`,
    text(body['statement']) === undefined ? '' : `written as: ${text(body['statement'])}`,
    typed === undefined ? '' : `typed, as reported: ${typed}`,
    agentWrote(text(body['purpose'])),
  ]
    .filter(Boolean)
    .join(' · ');
}

function wordsOf({ kind, body, end }: StatementEvent): string {
  const denial = (body['denial'] ?? {}) as Record<string, unknown>;
  const rows = end?.rows ?? number(body['rows']);
  const changed = end?.rows_changed ?? undefined;
  const ms = number(body['duration_ms']);
  const size = number(body['bytes']);
  switch (kind) {
    case 'statement_submitted':
    case 'statement_refused':
    case 'approval_refused':
      return [text(denial['code']), text(denial['message']), text(denial['rule'])].filter(Boolean).join(' · ');
    case 'statement_completed':
    case 'rows_fetched':
      return [
        changed !== undefined ? `${plural(changed, 'row')} changed` : rows === undefined ? '' : plural(rows, 'row'),
        size === undefined ? '' : bytes(size),
        ms === undefined ? '' : span(ms),
        end && end.reviewers.length > 0 ? `approved by ${namesOf(end.reviewers)}` : '',
      ]
        .filter((part) => part !== '')
        .join(' · ');
    case 'download_opened':
      return text(body['format']) ?? '';
    case 'download_ended':
      return [
        text(body['format']),
        rows === undefined ? '' : plural(rows, 'row'),
        number(body['file_bytes']) === undefined ? '' : bytes(number(body['file_bytes']) ?? 0),
        body['end'] === 'unknown' ? 'at most: its gateway has gone' : text(body['end'])?.replaceAll('_', ' '),
        text(denial['code']),
        text(denial['message']),
      ]
        .filter(Boolean)
        .join(' · ');
    case 'statement_failed':
      return [text(body['code']), text(body['message'])].filter(Boolean).join(' · ');
    case 'approval_decided':
      return `${text(body['reviewer']) ?? ''} said ${body['decision'] === 'approve' ? 'yes' : 'no'}${text(body['reason']) ? `: ${text(body['reason'])}` : ''} (${text(body['via']) ?? ''})`;
    case 'approval_asked':
    case 'approval_used':
      return againWords(body);
    case 'statement_sent':
      return text(body['query_id']) ?? '';
    case 'statement_cancelled':
    case 'approval_expired':
      return text(body['reason']) ?? '';
    case 'approval_withdrawn':
      return end?.gateway_said
        ? `by the gateway: ${end.gateway_said}${text(body['instead']) ? `, statement ${text(body['instead'])}` : ''}`
        : agentWrote(text(body['reason']));
    default:
      return '';
  }
}

function Happened({ events }: { events: readonly StatementEvent[] }): JSX.Element {
  const first = Date.parse(events[0]?.at ?? '');
  return (
    <ol class="timeline">
      {events.map((event) => {
        const [words, tone] = eventWords(event.kind, event.body['explain'] === true);
        const after = Date.parse(event.at) - first;
        return (
          <li key={event.position} class={tone}>
            <strong>{words}</strong>{' '}
            <span class="small muted number">
              <When at={event.at} />
              {after > 0 ? `, after ${span(after)}` : ''}
            </span>
            <p class="wrap">{wordsOf(event)}</p>
            <RowsTable event={event} />
          </li>
        );
      })}
    </ol>
  );
}

export function StatementView({ id, isWhole = false }: { id: string; isWhole?: boolean }): JSX.Element {
  const loaded = useLoaded<StatementDetail>(`/statements/${id}`);
  const { roles } = useMe();
  const [problem, setProblem] = useState<Error | undefined>();
  const reveal = (): void => {
    post<StatementDetail>(`/statements/${id}/whole`).then(loaded.set, setProblem);
  };
  return (
    <Shown loaded={loaded}>
      {(detail) => {
        const opening = detail.events.find(
          ({ kind }) => kind === 'statement_submitted' || kind === 'statement_refused',
        );
        const body = opening?.body ?? {};
        const uses = { ...body, row_predicates: list(body['rows']) } as unknown as Uses;
        const policies = list(body['policies']).map(String);
        return (
          <div class="stack">
            <Panel title="Statement" side={text(body['kind']) ? <Badge>{String(body['kind'])}</Badge> : null}>
              <div class="stack tight">
                {problem && <Problem error={problem} />}
                <Sql parts={detail.statement} label="The statement" />
                <Reported
                  prompt={body['prompt']}
                  untied={body['prompt_untied']}
                  job={body['job']}
                  jobSource={body['job_source']}
                />
                <Reason purpose={text(body['purpose']) ?? null} />
                {detail.is_masked && (
                  <p class="row small">
                    <span class="muted">Personal data and secrets in it are masked.</span>
                    {roles.includes('auditor') && (
                      <button type="button" class="button small" onClick={reveal}>
                        Show whole (is recorded)
                      </button>
                    )}
                  </p>
                )}
                {detail.differences.length > 0 && (
                  <details open={isWhole}>
                    <summary>As sent to Snowflake</summary>
                    <Differences parts={detail.differences} />
                  </details>
                )}
              </div>
            </Panel>
            {detail.standing && (
              <Panel
                title="Ran under a standing approval"
                side={<Link to={`/approvals/${detail.standing.approval}`}>Where it was given</Link>}
              >
                <dl class="facts">
                  {detail.standing.facts.map(({ name, lines }) => (
                    <>
                      <dt key={name}>{name}</dt>
                      <dd class="wrap">{lines.join('; ')}</dd>
                    </>
                  ))}
                </dl>
              </Panel>
            )}
            <Panel title="What happened">
              <Happened events={detail.events} />
              {detail.left_out > 0 && (
                <p class="small muted">
                  {plural(detail.left_out, 'more event')} of the same kinds in between: its session has them all.
                </p>
              )}
            </Panel>
            {list(body['objects']).length > 0 && (
              <Panel title="What it touches" side={<span class="muted small">{policies.join(', ')}</span>}>
                <UsesTable uses={uses} />
              </Panel>
            )}
          </div>
        );
      }}
    </Shown>
  );
}

export function StatementPage({ id }: { id: string }): JSX.Element {
  useTitle('Statement');
  const loaded = useLoaded<StatementDetail>(`/statements/${id}`);
  const session = loaded.data?.events[0]?.session;
  return (
    <>
      <div class="head">
        <h1>Statement</h1>
        <span class="mono muted wrap">{id}</span>
        {session && (
          <span class="end">
            <Link to={`/sessions/${session}`}>Its session</Link>
          </span>
        )}
      </div>
      <StatementView id={id} isWhole />
    </>
  );
}
