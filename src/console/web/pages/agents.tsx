/** Who the agents are. */
import type { JSX } from 'preact';
import { Bars } from '../parts/charts.tsx';
import { Badge, Empty, Link, Panel, Shown } from '../parts/panel.tsx';
import { PolicyWords } from '../parts/policy.tsx';
import { StatementList } from '../parts/statements.tsx';
import { Table } from '../parts/table.tsx';
import { Since } from '../parts/times.tsx';
import { count } from '../parts/words.ts';
import type { Agent, AgentSummary } from '../requests/answers.ts';
import { withQuery } from '../requests/api.ts';
import { useClock, useHere, useLoaded, useTitle } from '../requests/hooks.ts';

export function AgentsPage(): JSX.Element {
  useTitle('Agents');
  const loaded = useLoaded<{ agents: readonly AgentSummary[] }>('/agents');
  const now = useClock(30_000);
  return (
    <>
      <div class="head">
        <h1>Agents</h1>
        <span class="muted">of the last 90 days; statements of the last seven</span>
      </div>
      <Shown loaded={loaded}>
        {({ agents }) => (
          <section class="panel" aria-label="Agents">
            {agents.length === 0 ? (
              <Empty>No agent has been here yet.</Empty>
            ) : (
              <Table
                headings={[
                  'Agent',
                  'Groups',
                  'Last seen',
                  { text: 'Statements', is: 'number' },
                  { text: 'Refused', is: 'number' },
                ]}
              >
                {agents.map((agent) => (
                  <tr key={`${agent.issuer} ${agent.agent}`}>
                    <td>
                      <Link to={withQuery('/agent', { name: agent.agent, issuer: agent.issuer })}>{agent.agent}</Link>
                      <div class="small muted wrap">{agent.issuer}</div>
                    </td>
                    <td>{agent.groups.join(', ') || <span class="muted">none</span>}</td>
                    <td class="nowrap">
                      <Since at={agent.last_at} now={now} />
                    </td>
                    <td class="number">{count(agent.statements)}</td>
                    <td class="number">{agent.refused > 0 ? <Badge tone="bad">{count(agent.refused)}</Badge> : '0'}</td>
                  </tr>
                ))}
              </Table>
            )}
          </section>
        )}
      </Shown>
    </>
  );
}

const bars = (items: readonly { readonly name: string; readonly count: number }[]) =>
  items.map(({ name, count: value }) => ({ name, value, text: count(value) }));

export function AgentPage(): JSX.Element {
  const { query } = useHere();
  const name = query.get('name') ?? '';
  const issuer = query.get('issuer') ?? undefined;
  useTitle(name);
  const loaded = useLoaded<Agent>(withQuery('/agent', { name, issuer }));
  return (
    <>
      <div class="head">
        <h1>{name}</h1>
        {loaded.data && (
          <span class="muted">
            {loaded.data.agent.groups.join(', ') || 'no group'}, of {loaded.data.agent.issuer}
          </span>
        )}
        <span class="end">
          <Link to={withQuery('/sessions', { q: `agent:${/^[\w.-]+$/.test(name) ? name : `"${name}"`}` })}>
            All its statements
          </Link>
        </span>
      </div>
      <Shown loaded={loaded}>
        {({ policies, tables, refused, history }) => (
          <div class="columns wide-first">
            <div class="stack">
              <Panel title="What it did last" isBare>
                {history.length === 0 ? <Empty>Nothing yet.</Empty> : <StatementList statements={history} isOfOne />}
              </Panel>
            </div>
            <div class="stack">
              <Panel title="What it may do">
                {policies.length === 0 ? (
                  <p>No policy names it: nothing is allowed.</p>
                ) : (
                  policies.map((policy) => (
                    <div key={policy.name} class="stack tight">
                      <h3>{policy.name}</h3>
                      <PolicyWords policy={policy} />
                    </div>
                  ))
                )}
              </Panel>
              <Panel title="Reads most, in seven days">
                {tables.length === 0 ? <p class="muted">Nothing.</p> : <Bars items={bars(tables)} />}
              </Panel>
              <Panel title="Was refused, in seven days">
                {refused.length === 0 ? <p class="muted">Nothing.</p> : <Bars items={bars(refused)} />}
              </Panel>
            </div>
          </div>
        )}
      </Shown>
    </>
  );
}
