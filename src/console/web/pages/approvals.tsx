/** Statements that wait for a person. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Approval, ApprovalSummary, Requirement, StandingApproval } from '../answers.ts';
import { post, remove, withQuery } from '../api.ts';
import { useClock, useEvents, useHere, useLoaded, useSoon, useTitle } from '../hooks.ts';
import {
  Badge,
  Differences,
  Empty,
  Link,
  Pages,
  Panel,
  Problem,
  Shown,
  Sql,
  StatementList,
  UsesTable,
} from '../parts/panel.tsx';
import { ago, bytes, clock, count, dateTime, plural, toneOf, until } from '../words.ts';

const STATES = ['pending', 'approved', 'used', 'denied', 'expired', 'withdrawn', 'all'] as const;

const touches = ({ kind, estimate: { rows, bytes: size } }: Pick<ApprovalSummary, 'kind' | 'estimate'>): string =>
  [
    rows === null ? '' : `${kind === 'merge' ? 'at most ' : ''}${plural(rows, 'row')}`,
    size === null ? '' : `scans up to ${bytes(size)}`,
  ]
    .filter((part) => part !== '')
    .join(' · ');

/** The issuer whose groups are asked is named where it is not the agent's own. */
const needed = ({ requirements, issuer }: { requirements: readonly Requirement[]; issuer: string }): string =>
  requirements
    .map(({ count: people, groups, issuers }) => {
      const isOwn = issuers.includes(issuer.replace(/\/$/, ''));
      return `${people} of ${groups.join(' or ')}${isOwn ? '' : ` at ${issuers.join(' or ')}`}`;
    })
    .join(' and ');

function StandingList(): JSX.Element | null {
  const [after, setAfter] = useState<string | undefined>();
  const loaded = useLoaded<{ standing: readonly StandingApproval[]; next: string | null }>(
    withQuery('/standing', { after }),
  );
  const now = useClock(10_000);
  const [problem, setProblem] = useState<Error | undefined>();
  const { standing, next } = loaded.data ?? { standing: [], next: null };
  if (standing.length === 0 && next === null && after === undefined) return null;
  return (
    <Panel title="Standing approvals" isBare>
      {problem && <Problem error={problem} />}
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th>Agent</th>
              <th>Shape</th>
              <th>Used</th>
              <th>Ends in</th>
              <th>From</th>
              <th>
                <span class="sr">End it</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {standing.map((entry) => (
              <tr key={entry.id}>
                <td>{entry.agent}</td>
                <td class="mono wrap">{entry.shape}</td>
                <td class="number">
                  {entry.uses} of {entry.max_uses}
                </td>
                <td class="number">{until(entry.expires_at, now)}</td>
                <td>
                  <Link to={`/approvals/${entry.approval_id}`}>its approval</Link>
                </td>
                <td>
                  {entry.may_revoke && (
                    <button
                      type="button"
                      class="button small danger"
                      onClick={() => {
                        remove(`/standing/${entry.id}`).then(loaded.reload, setProblem);
                      }}
                    >
                      End now
                    </button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {(after !== undefined || next !== null) && (
        <p class="empty row">
          {after !== undefined && (
            <button type="button" class="button small" onClick={() => setAfter(undefined)}>
              First
            </button>
          )}
          {next !== null && (
            <button type="button" class="button small" onClick={() => setAfter(next)}>
              More
            </button>
          )}
        </p>
      )}
    </Panel>
  );
}

const inAll = (total: number, isMore: boolean): string => `${plural(total, 'approval')}${isMore ? ' or more' : ''}`;

export function ApprovalsPage(): JSX.Element {
  useTitle('Approvals');
  const { query } = useHere();
  const state = STATES.find((name) => name === query.get('state')) ?? 'pending';
  const after = query.get('after') ?? undefined;
  const loaded = useLoaded<{
    approvals: readonly ApprovalSummary[];
    next: string | null;
    total: number;
    is_more: boolean;
  }>(withQuery('/approvals', { state, after }));
  const now = useClock(1000);
  const refresh = useSoon(loaded.reload, 500);
  useEvents((events) => {
    if (events.some(({ kind }) => kind.startsWith('approval_'))) refresh();
  }, refresh);
  return (
    <>
      <div class="head">
        <h1>Approvals</h1>
        <nav class="tabs" aria-label="States">
          {STATES.map((name) => (
            <a
              key={name}
              href={`/console${withQuery('/approvals', { state: name === 'pending' ? undefined : name })}`}
              aria-current={name === state ? 'page' : undefined}
            >
              {name}
            </a>
          ))}
        </nav>
      </div>
      <Shown loaded={loaded}>
        {({ approvals, next, total, is_more: isMore }) => (
          <section class="panel" aria-label={`Approvals: ${state}`}>
            {approvals.length === 0 ? (
              <Empty>{state === 'pending' ? 'Nothing waits for a decision.' : 'There are none.'}</Empty>
            ) : (
              <ul class="lines">
                {approvals.map((approval) => (
                  <li key={approval.id}>
                    <Link to={`/approvals/${approval.id}`} class="line">
                      <span class="small muted number">
                        {approval.state === 'pending' ? until(approval.expires_at, now) : clock(approval.changed_at)}
                      </span>
                      <span class="clip agent">{approval.agent}</span>
                      <span class="what">
                        <p>{approval.purpose ?? 'No purpose was given'}</p>
                        <p class="sql-line muted">{approval.text}</p>
                      </span>
                      <span class="row">
                        <span class="small muted">{touches(approval)}</span>
                        <Badge tone={toneOf(approval.state)}>{approval.state}</Badge>
                      </span>
                    </Link>
                  </li>
                ))}
              </ul>
            )}
            <Pages path="/approvals" query={{ state }} after={after} next={next} of={inAll(total, isMore)} />
          </section>
        )}
      </Shown>
      <StandingList />
    </>
  );
}

const TIMES: readonly (readonly [number, string])[] = [
  [0, 'This one statement'],
  [30, 'Also others of this shape, for 30 minutes'],
  [120, 'Also others of this shape, for 2 hours'],
  [480, 'Also others of this shape, for 8 hours'],
];

const USES = [5, 20, 100] as const;

/** What else a yes that holds for a while lets pass. */
function Width({ approval }: { approval: Approval }): JSX.Element {
  const { text, holes } = approval.shape;
  const { rows } = approval.estimate;
  return (
    <div class="stack">
      <p>
        {holes.length === 0
          ? 'The very same statement passes again, and no other.'
          : 'Statements pass that differ from this one in the marked places alone:'}
      </p>
      {holes.length > 0 && (
        <>
          <Sql parts={text} label="What may pass" />
          <ul>
            {holes.map(({ where, kind, example }) => (
              <li key={`${where} ${example}`}>
                <span class="mono">{where}</span> any {kind}, such as <span class="mono">{example}</span>
              </li>
            ))}
          </ul>
        </>
      )}
      {rows !== null && (
        <p class="muted">Each may touch {plural(rows, 'row')}, and what the policy tolerates beyond.</p>
      )}
    </div>
  );
}

function Decide({ approval, onDone }: { approval: Approval; onDone: (after: Approval) => void }): JSX.Element {
  const [asking, setAsking] = useState<'approve' | 'deny' | undefined>();
  const [reason, setReason] = useState('');
  const [minutes, setMinutes] = useState(0);
  const [uses, setUses] = useState(20);
  const [problem, setProblem] = useState<Error | undefined>();
  const [isBusy, setBusy] = useState(false);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (asking) dialog.current?.showModal();
    else dialog.current?.close();
  }, [asking]);
  const send = (): void => {
    setBusy(true);
    const standing = asking === 'approve' && minutes > 0 ? { standing_minutes: minutes, standing_uses: uses } : {};
    post<Approval>(`/approvals/${approval.id}/decision`, { decision: asking, reason, ...standing })
      .then(
        (after) => {
          setAsking(undefined);
          onDone(after);
        },
        (error: Error) => {
          setAsking(undefined);
          setProblem(error);
        },
      )
      .finally(() => setBusy(false));
  };
  if (approval.barred !== null)
    return approval.state === 'pending' ? (
      <p class="note">{approval.barred}</p>
    ) : problem ? (
      <Problem error={problem} />
    ) : (
      <p class="muted">{approval.barred}</p>
    );
  return (
    <>
      {problem && <Problem error={problem} />}
      <div class="row">
        <button type="button" class="button primary" onClick={() => setAsking('approve')}>
          Approve …
        </button>
        <button type="button" class="button danger" onClick={() => setAsking('deny')}>
          Deny …
        </button>
      </div>
      <dialog ref={dialog} onClose={() => setAsking(undefined)} aria-labelledby="decide-title">
        <form
          class="stack"
          onSubmit={(event) => {
            event.preventDefault();
            send();
          }}
        >
          <h2 id="decide-title">{asking === 'deny' ? 'Deny this statement' : 'Approve this statement'}</h2>
          <p>
            {asking === 'deny'
              ? `${approval.agent} is told, with your reason.`
              : `${approval.agent} may run it once: ${approval.kind} ${touches(approval)}.`}
          </p>
          {asking === 'approve' && (
            <label>
              What you approve
              <select value={String(minutes)} onChange={(event) => setMinutes(Number(event.currentTarget.value))}>
                {TIMES.map(([value, words]) => (
                  <option key={value} value={String(value)}>
                    {words}
                  </option>
                ))}
              </select>
            </label>
          )}
          {asking === 'approve' && minutes > 0 && (
            <>
              <label>
                At most
                <select value={String(uses)} onChange={(event) => setUses(Number(event.currentTarget.value))}>
                  {USES.map((value) => (
                    <option key={value} value={String(value)}>
                      {value} times
                    </option>
                  ))}
                </select>
              </label>
              <Width approval={approval} />
            </>
          )}
          <label>
            {asking === 'deny' ? 'Reason, for the agent' : 'Remark, for the record'}
            <textarea value={reason} maxLength={1000} onInput={(event) => setReason(event.currentTarget.value)} />
          </label>
          <div class="row">
            <button type="submit" class={`button ${asking === 'deny' ? 'danger' : 'primary'}`} disabled={isBusy}>
              {asking === 'deny' ? 'Deny' : 'Approve'}
            </button>
            <button type="button" class="button" onClick={() => setAsking(undefined)}>
              Back
            </button>
          </div>
        </form>
      </dialog>
    </>
  );
}

function Head({ approval }: { approval: Approval }): JSX.Element {
  const now = useClock(1000);
  const isOpen = approval.state === 'pending' || approval.state === 'approved';
  return (
    <div class="head">
      <h1>{approval.purpose ?? 'No purpose was given'}</h1>
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
  useTitle(loaded.data ? `Approval: ${loaded.data.purpose ?? loaded.data.agent}` : 'Approval');
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
