/** Approvals that hold for a while, and the button that ends one. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Link, Panel, Problem } from '../parts/panel.tsx';
import { Table } from '../parts/table.tsx';
import { When } from '../parts/times.tsx';
import { until } from '../parts/words.ts';
import type { StandingApproval } from '../requests/answers.ts';
import { remove, withQuery } from '../requests/api.ts';
import { useClock, useLoaded } from '../requests/hooks.ts';

export function StandingList(): JSX.Element | null {
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
      <Table headings={['Agent', 'Shape', 'Used', 'Ends in', 'From', { text: 'End it', is: 'sr' }]}>
        {standing.map((entry) => (
          <tr key={entry.id}>
            <td>{entry.agent}</td>
            <td class="wrap">
              <span class="mono">{entry.shape}</span>
              {entry.format !== null && <div class="small muted">each as a {entry.format} file</div>}
            </td>
            <td class="number">
              {entry.uses} of {entry.max_uses}
            </td>
            <td class="number">
              {until(entry.expires_at, now)}
              <div class="small muted">
                <When at={entry.expires_at} />
              </div>
            </td>
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
      </Table>
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
