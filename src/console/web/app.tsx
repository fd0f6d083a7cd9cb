/** The console: frame, ways, keys. */
import './sight.ts';
import { type JSX, render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { AgentPage, AgentsPage } from './pages/agents.tsx';
import { ApprovalPage } from './pages/approval.tsx';
import { ApprovalsPage } from './pages/approvals.tsx';
import { IntegrityPage } from './pages/integrity.tsx';
import { NowPage } from './pages/now.tsx';
import { PoliciesPage } from './pages/policies.tsx';
import { SessionPage } from './pages/session.tsx';
import { SessionsPage } from './pages/sessions.tsx';
import { StatementPage } from './pages/statement.tsx';
import { Empty, Problem } from './parts/panel.tsx';
import { ZoneChoice } from './parts/times.tsx';
import type { Me } from './requests/answers.ts';
import { goTo, linkTo, useEvents, useHere, useLoaded, useSoon } from './requests/hooks.ts';
import { MeContext, NOBODY } from './requests/me.ts';

const PLACES = [
  { path: '/', name: 'Now', key: 'n' },
  { path: '/sessions', name: 'Sessions', key: 's' },
  { path: '/approvals', name: 'Approvals', key: 'a' },
  { path: '/policies', name: 'Policies', key: 'p' },
  { path: '/agents', name: 'Agents', key: 'g' },
  { path: '/integrity', name: 'Integrity', key: 'i' },
] as const;

function Page({ path }: { path: string }): JSX.Element {
  const [, first = '', id = ''] = path.split('/');
  switch (first) {
    case '':
      return <NowPage />;
    case 'sessions':
      return id === '' ? <SessionsPage /> : <SessionPage key={id} id={id} />;
    case 'statements':
      return <StatementPage key={id} id={id} />;
    case 'approvals':
      return id === '' ? <ApprovalsPage /> : <ApprovalPage key={id} id={id} />;
    case 'policies':
      return <PoliciesPage />;
    case 'agents':
      return <AgentsPage />;
    case 'agent':
      return <AgentPage />;
    case 'integrity':
      return <IntegrityPage />;
    default:
      return <Empty>There is nothing at this address.</Empty>;
  }
}

const isCurrent = (place: string, path: string): boolean =>
  place === '/' ? path === '/' : path === place || path.startsWith(`${place}/`);

function Keys({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="keys-title">
      <div class="stack">
        <h2 id="keys-title">Keys</h2>
        <dl class="facts">
          {PLACES.map(({ key, name }) => (
            <>
              <dt key={key}>
                <kbd>{key}</kbd>
              </dt>
              <dd>{name}</dd>
            </>
          ))}
          <dt>
            <kbd>/</kbd>
          </dt>
          <dd>Search</dd>
          <dt>
            <kbd>j</kbd> <kbd>k</kbd>
          </dt>
          <dd>Next and previous statement of a session</dd>
        </dl>
        <form method="dialog">
          <button type="submit" class="button">
            Close
          </button>
        </form>
      </div>
    </dialog>
  );
}

function App(): JSX.Element {
  const { path } = useHere();
  const me = useLoaded<Me>('/me');
  const pending = useLoaded<{ readonly total: number; readonly is_more: boolean }>('/approvals?limit=1');
  const [isHelpOpen, setHelp] = useState(false);
  const refresh = useSoon(pending.reload, 1000);
  useEvents((events) => {
    if (events.some(({ kind }) => kind.startsWith('approval_'))) refresh();
  }, refresh);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const { target } = event;
      if (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented) return;
      if (
        target instanceof HTMLElement &&
        (/^(?:INPUT|SELECT|TEXTAREA)$/.test(target.tagName) || target.closest('dialog'))
      )
        return;
      const place = PLACES.find(({ key }) => key === event.key);
      if (place) goTo(place.path);
      else if (event.key === '/') {
        event.preventDefault();
        if (!document.querySelector('#search')) goTo('/sessions');
        setTimeout(() => document.querySelector<HTMLInputElement>('#search')?.focus());
      } else if (event.key === '?') setHelp(true);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  const waiting = pending.data?.total ?? 0;
  return (
    <MeContext.Provider value={me.data ?? NOBODY}>
      <a class="skip" href="#page">
        To the page
      </a>
      <div class="shell">
        <header class="side">
          <a class="brand" href={linkTo('/')}>
            <img src="/console/assets/icon.svg" alt="snowfence" width="24" height="24" />
            <span aria-hidden="true">snowfence</span>
          </a>
          <nav aria-label="Pages">
            <ul>
              {PLACES.map((place) => (
                <li key={place.path}>
                  <a href={linkTo(place.path)} aria-current={isCurrent(place.path, path) ? 'page' : undefined}>
                    {place.name}
                    {place.path === '/approvals' && waiting > 0 && (
                      <span class="count">
                        {waiting}
                        {pending.data?.is_more ? '+' : ''}
                        <span class="sr"> waiting</span>
                      </span>
                    )}
                  </a>
                </li>
              ))}
            </ul>
          </nav>
          <div class="me small">
            <div class="who">
              <strong>{me.data?.name}</strong>
              <div class="muted">{me.data?.roles.join(', ')}</div>
            </div>
            <ZoneChoice />
            <div class="row">
              <a href="/console/sign-out">Sign out</a>
              <button type="button" class="button plain small who" onClick={() => setHelp(true)}>
                Keys
              </button>
            </div>
          </div>
        </header>
        <main class="page" id="page" tabIndex={-1}>
          {me.error && <Problem error={me.error} />}
          <Page path={path.split('?')[0] ?? '/'} />
        </main>
      </div>
      <Keys isOpen={isHelpOpen} onClose={() => setHelp(false)} />
    </MeContext.Provider>
  );
}

const root = document.querySelector('#app');
if (root) {
  root.replaceChildren();
  render(<App />, root);
}
