/** One approval: who asks for what, what it would touch, and the decision. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Badge, Empty, Link, Panel, Problem, Said, Shown, Warnings } from '../parts/panel.tsx';
import { Differences, Sql } from '../parts/sql.tsx';
import { StatementList } from '../parts/statements.tsx';
import { When } from '../parts/times.tsx';
import { UsesTable } from '../parts/uses.tsx';
import { toneOf, until } from '../parts/words.ts';
import type { Approval, Fact } from '../requests/answers.ts';
import { post, withQuery } from '../requests/api.ts';
import { useClock, useEvents, useLoaded, useSoon, useTitle } from '../requests/hooks.ts';
import { Decide } from './decide.tsx';

function Head({ approval }: { approval: Approval }): JSX.Element {
  const now = useClock(1000);
  const isOpen = approval.state === 'pending' || approval.state === 'approved';
  return (
    <div class="head">
      <h1>{approval.known.headline}</h1>
      <Badge tone={toneOf(approval.state)}>{approval.state}</Badge>
      <span class="muted">
        {approval.agent} asked <When at={approval.asked_at} />
        {isOpen ? `, open for ${until(approval.expires_at, now)}` : ''}
      </span>
    </div>
  );
}

const FactList = ({ facts }: { facts: readonly Fact[] }): JSX.Element => (
  <>
    {facts.map(({ name, lines }) => (
      <>
        <dt key={name}>{name}</dt>
        <dd>
          {lines.map((line) => (
            <div key={line} class="wrap">
              {line}
            </div>
          ))}
        </dd>
      </>
    ))}
  </>
);

/** What one decides by, in the order that it came in; the agent's own word stands last. */
function Facts({ approval }: { approval: Approval }): JSX.Element {
  const { sizes, uses, asked } = approval.known;
  return (
    <>
      <dl class="facts">
        <FactList facts={[...sizes, ...uses.filter(({ name }) => name === 'Writes'), ...asked]} />
        <dt>Look at</dt>
        <dd>
          <Link to={`/sessions/${approval.session_id}`}>what else it did</Link>,{' '}
          <Link to={`/statements/${approval.statement_id}`}>its record</Link>,{' '}
          <Link to={withQuery('/agent', { name: approval.agent, issuer: approval.issuer })}>the agent</Link>
        </dd>
      </dl>
      {[...approval.known.reported, approval.known.wrote].map((said) => (
        <Said key={said.name} said={said} />
      ))}
    </>
  );
}

/** What people said, and what came of it. */
const After = ({ approval }: { approval: Approval }): JSX.Element | null =>
  approval.known.after.length === 0 ? null : (
    <Panel title="What came of it">
      <dl class="facts">
        <FactList facts={approval.known.after} />
      </dl>
    </Panel>
  );

export function ApprovalPage({ id }: { id: string }): JSX.Element {
  const loaded = useLoaded<Approval>(`/approvals/${id}`);
  const [problem, setProblem] = useState<Error | undefined>();
  useTitle(loaded.data ? `Approval: ${loaded.data.known.headline}, ${loaded.data.agent}` : 'Approval');
  const refresh = useSoon(loaded.reload, 300);
  useEvents((events) => {
    if (events.some(({ approval }) => approval === id)) refresh();
  }, refresh);
  return (
    <Shown loaded={loaded}>
      {(approval) => (
        <>
          <Head approval={approval} />
          <Warnings warnings={approval.known.warnings} />
          {problem && <Problem error={problem} />}
          <div class="columns wide-first decision">
            <div class="stack">
              <Panel title={`Statement, as ${approval.agent} wrote it`} side={<Badge>{approval.kind}</Badge>}>
                <div class="stack tight">
                  <Sql parts={approval.statement} label="The statement" />
                  {approval.binds.length > 0 && (
                    <p class="mono wrap small said">
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
            </div>
            <div class="stack top">
              <After approval={approval} />
              <Panel title="Decision">
                <div class="stack">
                  <Facts approval={approval} />
                  <Decide approval={approval} onDone={loaded.set} />
                </div>
              </Panel>
            </div>
          </div>
          <Panel title={`What ${approval.agent} did before`} isBare>
            {approval.history.length === 0 ? (
              <Empty>Nothing.</Empty>
            ) : (
              <StatementList statements={approval.history} isOfOne />
            )}
          </Panel>
        </>
      )}
    </Shown>
  );
}
