/** Statements that wait for a person, and those that did. */
import type { JSX } from 'preact';
import { Pages } from '../parts/lists.tsx';
import { Badge, Empty, Link, Said, Shown } from '../parts/panel.tsx';
import { When } from '../parts/times.tsx';
import { plural, toneOf, until } from '../parts/words.ts';
import type { ApprovalSummary } from '../requests/answers.ts';
import { withQuery } from '../requests/api.ts';
import { useClock, useEvents, useHere, useLoaded, useSoon, useTitle } from '../requests/hooks.ts';
import { StandingList } from './standing.tsx';

const STATES = ['pending', 'approved', 'used', 'denied', 'expired', 'withdrawn', 'all'] as const;

const isOpen = ({ state }: ApprovalSummary): boolean => state === 'pending' || state === 'approved';

const outcomesOf = ({ known }: ApprovalSummary): readonly string[] =>
  known.after.filter(({ name }) => name === 'Outcome').flatMap(({ lines }) => lines);

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
                      <span class="small muted number when">
                        {isOpen(approval) && <strong>{until(approval.expires_at, now)} left, </strong>}
                        <When at={isOpen(approval) ? approval.expires_at : approval.changed_at} />
                      </span>
                      <span class="clip agent">{approval.agent}</span>
                      <span class="what">
                        <p class="known">
                          <strong>{approval.known.headline}</strong>, <span class="small">{approval.known.size}</span>
                        </p>
                        <p class="sql-line">{approval.text}</p>
                        {outcomesOf(approval).map((line) => (
                          <p key={line} class="small known">
                            {line}
                          </p>
                        ))}
                        {[...approval.known.reported, approval.known.wrote].map((said) => (
                          <Said key={said.name} said={said} />
                        ))}
                      </span>
                      <span class="row">
                        {approval.is_outdated && <Badge tone="wait">policies changed since</Badge>}
                        {approval.known.warnings.length > (approval.is_outdated ? 1 : 0) && (
                          <Badge tone="bad">whole table</Badge>
                        )}
                        <Badge tone={toneOf(approval.state)}>{approval.state}</Badge>
                      </span>
                    </Link>
                  </li>
                ))}
              </ul>
            )}
            <Pages
              path="/approvals"
              query={{ state }}
              after={after}
              next={next}
              of={inAll(total, isMore)}
              isSoonestFirst={state === 'pending' || state === 'approved'}
            />
          </section>
        )}
      </Shown>
      <StandingList />
    </>
  );
}
