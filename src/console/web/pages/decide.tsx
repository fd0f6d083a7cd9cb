/** A yes or a no, with what else a yes lets pass. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Problem, Warnings } from '../parts/panel.tsx';
import { Sql } from '../parts/sql.tsx';
import { plural } from '../parts/words.ts';
import type { Approval } from '../requests/answers.ts';
import { post } from '../requests/api.ts';

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

export function Decide({ approval, onDone }: { approval: Approval; onDone: (after: Approval) => void }): JSX.Element {
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
              ? `${approval.agent} is told, with your reason. Standing approvals that would let it pass end as well.`
              : `${approval.agent} may run it ${minutes > 0 ? 'now' : 'once'}: ${approval.known.headline}. Touches ${approval.known.size}.`}
          </p>
          <Warnings warnings={asking === 'approve' ? approval.known.warnings : []} />
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
