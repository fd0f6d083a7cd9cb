/** The rules in force, and a place to try them. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Badge, Panel, Problem, Shown } from '../parts/panel.tsx';
import { PolicyWords } from '../parts/policy.tsx';
import { Differences, Sql } from '../parts/sql.tsx';
import { UsesTable } from '../parts/uses.tsx';
import type { Tone } from '../parts/words.ts';
import type { Policies, Tried } from '../requests/answers.ts';
import { post } from '../requests/api.ts';
import { useLoaded, useTitle } from '../requests/hooks.ts';

const VERDICTS: Readonly<Record<string, readonly [string, Tone]>> = {
  allow: ['allowed', 'good'],
  deny: ['denied', 'bad'],
  approve: ['a person is asked', 'wait'],
};

function Answer({ tried }: { tried: Tried }): JSX.Element {
  const [word, tone] = VERDICTS[tried.verdict] ?? [tried.verdict, ''];
  return (
    <div class="stack tight" role="status">
      <p class="row">
        <Badge tone={tone}>{word}</Badge>
        {tried.kind && <Badge>{tried.kind}</Badge>}
        <span class="muted small">
          {tried.policies.length > 0 ? tried.policies.join(', ') : 'No policy names this principal.'}
        </span>
      </p>
      {tried.denial && (
        <p class="note bad wrap">
          <strong>{tried.denial.code}</strong>
          {tried.denial.position ? ` (line ${tried.denial.position.line}, column ${tried.denial.position.column})` : ''}
          : {tried.denial.message} {tried.denial.hint} <span class="mono small">{tried.denial.rule}</span>
        </p>
      )}
      {tried.requirements.map(({ count, groups, rule }) => (
        <p key={rule}>
          {count} of {groups.join(' or ')} <span class="mono small muted">{rule}</span>
        </p>
      ))}
      {tried.is_open && <p class="muted">A rule goes by bytes or rows: Snowflake is asked before it runs.</p>}
      {tried.objects.length > 0 && <UsesTable uses={tried} />}
      {tried.sent.length > 0 && (
        <>
          <h3>As sent</h3>
          <Sql parts={tried.sent} label="The statement as sent" />
          <details>
            <summary>What is different</summary>
            <Differences parts={tried.differences} />
          </details>
        </>
      )}
    </div>
  );
}

interface LineProps {
  readonly label: string;
  readonly value: string;
  readonly placeholder?: string;
  readonly onChange: (value: string) => void;
}

const Line = ({ label, onChange, ...shown }: LineProps): JSX.Element => (
  <label>
    {label}
    <input {...shown} autocomplete="off" onInput={(event) => onChange(event.currentTarget.value)} />
  </label>
);

function Playground({ issuers }: { issuers: readonly string[] }): JSX.Element {
  const [issuer, setIssuer] = useState('');
  const [subject, setSubject] = useState('');
  const [groups, setGroups] = useState('');
  const [sql, setSql] = useState('');
  const [purpose, setPurpose] = useState('');
  const [tried, setTried] = useState<Tried | undefined>();
  const [problem, setProblem] = useState<Error | undefined>();
  const ask = (): void => {
    setProblem(undefined);
    const names = groups.split(',').flatMap((name) => name.trim() || []);
    post<Tried>('/policies/try', { issuer: issuer || issuers[0], subject, groups: names, sql, purpose }).then(
      setTried,
      setProblem,
    );
  };
  return (
    <Panel title="Try a statement">
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          ask();
        }}
      >
        {issuers.length > 1 && (
          <label>
            Of the issuer
            <select value={issuer || issuers[0]} onChange={(event) => setIssuer(event.currentTarget.value)}>
              {issuers.map((each) => (
                <option key={each} value={each}>
                  {each}
                </option>
              ))}
            </select>
          </label>
        )}
        <div class="columns">
          <Line label="Principal" value={subject} placeholder="sales-bot" onChange={setSubject} />
          <Line label="Groups, with commas between" value={groups} placeholder="sales-agents" onChange={setGroups} />
        </div>
        <label>
          SQL
          <textarea
            class="mono"
            required
            spellcheck={false}
            value={sql}
            placeholder="SELECT NAME, EMAIL FROM ANALYTICS.SALES.CUSTOMERS"
            onInput={(event) => setSql(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) ask();
            }}
          />
        </label>
        <Line label="Purpose" value={purpose} onChange={setPurpose} />
        <p class="row">
          <button type="submit" class="button primary">
            Judge
          </button>
          <span class="muted small">Nothing runs, nothing is recorded.</span>
        </p>
        {problem && <Problem error={problem} />}
        {tried && <Answer tried={tried} />}
      </form>
    </Panel>
  );
}

export function PoliciesPage(): JSX.Element {
  useTitle('Policies');
  const loaded = useLoaded<Policies>('/policies');
  return (
    <>
      <div class="head">
        <h1>Policies</h1>
        {loaded.data && <span class="mono muted">version {loaded.data.version.slice(0, 16)}</span>}
      </div>
      <div class="columns">
        <div class="stack">
          <Shown loaded={loaded}>
            {({ policies, problem, held_back: held }) => (
              <>
                {problem && (
                  <p class="note bad" role="alert">
                    The files no longer check, so the last good set is in force: {problem}
                  </p>
                )}
                {held && (
                  <p class="note bad wrap" role="alert">
                    {held}
                  </p>
                )}
                {policies.length === 0 && (
                  <p class="note bad" role="alert">
                    No policy is loaded, so nothing is allowed to anybody. Put policies into the folder that the
                    configuration names.
                  </p>
                )}
                {policies.map((policy) => (
                  <Panel
                    key={policy.name}
                    title={policy.name}
                    side={<span class="mono small muted wrap">{policy.file}</span>}
                  >
                    <div class="stack tight">
                      {policy.description && <p>{policy.description}</p>}
                      <dl class="facts small">
                        <dt>Applies to</dt>
                        <dd class="wrap">{policy.applies_to.join('; ') || 'everybody'}</dd>
                        <dt>Runs as</dt>
                        <dd class="mono wrap">
                          {policy.role} on {policy.warehouse}
                        </dd>
                      </dl>
                      <PolicyWords policy={policy} />
                    </div>
                  </Panel>
                ))}
              </>
            )}
          </Shown>
        </div>
        <Playground issuers={loaded.data?.issuers ?? []} />
      </div>
    </>
  );
}
