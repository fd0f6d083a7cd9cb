/** One approval: who asks for what, what it would touch, and the decision. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Badge, Empty, Link, Panel, Problem, Reason, Shown } from '../parts/panel.tsx';
import { Differences, Sql } from '../parts/sql.tsx';
import { StatementList } from '../parts/statements.tsx';
import { UsesTable } from '../parts/uses.tsx';
import { ago, count, dateTime, plural, toneOf, touches, until } from '../parts/words.ts';
import type { Approval, Requirement } from '../requests/answers.ts';
import { post, withQuery } from '../requests/api.ts';
import { useClock, useEvents, useLoaded, useSoon, useTitle } from '../requests/hooks.ts';
import { Decide } from './decide.tsx';

/** The issuer whose groups are asked is named where it is not the agent's own. */
const needed = ({ requirements, issuer }: { requirements: readonly Requirement[]; issuer: string }): string =>
  requirements
    .map(({ count: people, groups, issuers }) => {
      const isOwn = issuers.includes(issuer.replace(/\/$/, ''));
      return `${people} of ${groups.join(' or ')}${isOwn ? '' : ` at ${issuers.join(' or ')}`}`;
    })
    .join(' and ');

/** What it is, by what snowfence knows of it: nothing that its agent wrote. */
function headline({ kind, about }: Pick<Approval, 'kind' | 'about'>): string {
  const objects = about?.objects ?? [];
  const written = objects.filter(({ access }) => access === 'write');
  const [first, ...others] = written.length > 0 ? written : objects;
  const rest = others.length === 0 ? '' : ` and ${plural(others.length, 'other')}`;
  return `${kind.replaceAll('_', ' ').toUpperCase()}${first === undefined ? '' : ` on ${first.object}${rest}`}`;
}

function Head({ approval }: { approval: Approval }): JSX.Element {
  const now = useClock(1000);
  const isOpen = approval.state === 'pending' || approval.state === 'approved';
  return (
    <div class="head">
      <h1>{headline(approval)}</h1>
      <Badge tone={toneOf(approval.state)}>{approval.state}</Badge>
      <span class="muted">
        {approval.agent} asked {ago(approval.asked_at, now)}
        {isOpen ? `, open for ${until(approval.expires_at, now)}` : ''}
      </span>
    </div>
  );
}

function Facts({ approval }: { approval: Approval }): JSX.Element {
  const { about } = approval;
  return (
    <dl class="facts">
      <dt>Agent</dt>
      <dd>
        <Link to={withQuery('/agent', { name: approval.agent, issuer: approval.issuer })}>{approval.agent}</Link>
        <span class="muted"> of {approval.issuer}</span>
        {approval.client_id !== approval.agent && <span class="muted"> by the client {approval.client_id}</span>}
      </dd>
      <dt>Would touch</dt>
      <dd>
        <strong>{touches(approval) || 'can not be told'}</strong>
        {approval.format !== null && <span>, and its result is wanted whole, as a {approval.format} file</span>}
      </dd>
      <dt>Asked for by</dt>
      <dd>
        {approval.requirements.map(({ rule }) => (
          <div key={rule} class="mono wrap">
            {rule}
          </div>
        ))}
        {about?.reasons.map((reason) => (
          <div key={reason}>{reason}</div>
        ))}
      </dd>
      <dt>Needed</dt>
      <dd>
        {needed(approval)}
        <span class="muted"> ({plural(approval.approvals, 'approval')} so far)</span>
      </dd>
      <dt>Session</dt>
      <dd>
        <Link to={`/sessions/${approval.session_id}`}>what else it did</Link>,{' '}
        <Link to={`/statements/${approval.statement_id}`}>its record</Link>
      </dd>
      <dt>Its reason</dt>
      <dd>
        <Reason agent={approval.agent} purpose={approval.purpose} />
      </dd>
    </dl>
  );
}

function Decisions({ approval }: { approval: Approval }): JSX.Element | null {
  if (approval.decisions.length === 0) return null;
  return (
    <Panel title="Decisions">
      <ol class="timeline">
        {approval.decisions.map((entry) => (
          <li key={entry.reviewer} class={entry.decision === 'approve' ? 'good' : 'bad'}>
            <strong>{entry.reviewer.split(' ').at(-1)}</strong> {entry.decision === 'approve' ? 'approved' : 'denied'}{' '}
            <span class="small muted">{dateTime(entry.decided_at)}</span>
            {entry.standing_ms !== null && (
              <p>and others of this shape for {count(entry.standing_ms / 60_000)} minutes</p>
            )}
            {entry.reason && <p class="wrap">{entry.reason}</p>}
          </li>
        ))}
      </ol>
    </Panel>
  );
}

export function ApprovalPage({ id }: { id: string }): JSX.Element {
  const loaded = useLoaded<Approval>(`/approvals/${id}`);
  const [problem, setProblem] = useState<Error | undefined>();
  useTitle(loaded.data ? `Approval: ${headline(loaded.data)}, ${loaded.data.agent}` : 'Approval');
  const refresh = useSoon(loaded.reload, 300);
  useEvents((events) => {
    if (events.some(({ approval }) => approval === id)) refresh();
  }, refresh);
  return (
    <Shown loaded={loaded}>
      {(approval) => (
        <>
          <Head approval={approval} />
          {approval.is_outdated && approval.state === 'pending' && (
            <p class="note wait">
              The policies have changed since this was asked. It will not run; the agent has to ask anew.
            </p>
          )}
          {problem && <Problem error={problem} />}
          <div class="columns wide-first decision">
            <div class="stack">
              <Panel title="Statement" side={<Badge>{approval.kind}</Badge>}>
                <div class="stack tight">
                  <Sql parts={approval.statement} label="The statement" />
                  {approval.binds.length > 0 && (
                    <p class="mono wrap small">
                      Binds: {approval.binds.map((bind) => JSON.stringify(bind)).join(', ')}
                    </p>
                  )}
                  {approval.is_masked && (
                    <p class="row small">
                      <span class="muted">Personal data and secrets in it are masked.</span>
                      <button
                        type="button"
                        class="button small"
                        onClick={() => {
                          post<Approval>(`/approvals/${id}/whole`).then(loaded.set, setProblem);
                        }}
                      >
                        Show whole (is recorded)
                      </button>
                    </p>
                  )}
                </div>
              </Panel>
              <Panel title="As sent to Snowflake">
                <Differences parts={approval.differences} />
              </Panel>
              {approval.about && (
                <Panel title="What it touches">
                  <UsesTable uses={approval.about} />
                </Panel>
              )}
              <Panel title={`What ${approval.agent} did before`} isBare>
                {approval.history.length === 0 ? (
                  <Empty>Nothing.</Empty>
                ) : (
                  <StatementList statements={approval.history} isOfOne />
                )}
              </Panel>
            </div>
            <div class="stack top">
              <Panel title="Decision">
                <div class="stack">
                  <Facts approval={approval} />
                  <Decide approval={approval} onDone={loaded.set} />
                </div>
              </Panel>
              <Decisions approval={approval} />
            </div>
          </div>
        </>
      )}
    </Shown>
  );
}
