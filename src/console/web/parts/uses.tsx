/** What a statement touches, and by which rules. */
import type { JSX } from 'preact';
import type { Uses } from '../requests/answers.ts';
import { Badge } from './panel.tsx';
import { Table } from './table.tsx';

/** Objects, columns with their masks, row predicates and the rules that said so. */
export function UsesTable({ uses }: { uses: Uses }): JSX.Element {
  const written = uses.written ?? [];
  const masks = new Map(uses.masks.map((mask) => [mask.column, mask]));
  return (
    <div class="stack tight">
      <Table headings={['Object', 'Access', 'Rule']}>
        {uses.objects.map(({ object, access, via }) => {
          const rule = uses.rules.find((entry) => entry.object === object);
          return (
            <tr key={`${object} ${access} ${via.join()}`}>
              <td class="mono wrap">
                {object}
                {via.length > 0 && <span class="muted"> through {via.join(' → ')}</span>}
              </td>
              <td>
                <Badge tone={access === 'write' ? 'wait' : ''}>{access}</Badge>
              </td>
              <td class="small muted wrap">{rule ? `${rule.effect} ${rule.kind}: ${rule.rule}` : ''}</td>
            </tr>
          );
        })}
      </Table>
      {written.length > 0 && (
        <>
          <h3>Columns written</h3>
          <ul class="row">
            {written.map((column) => (
              <li key={column}>
                <Badge tone="wait">
                  <span class="mono" title={column}>
                    {column.split('.').at(-1)}
                  </span>
                </Badge>
              </li>
            ))}
          </ul>
        </>
      )}
      {uses.columns.length > 0 && (
        <>
          <h3>Columns read</h3>
          <ul class="row">
            {uses.columns.map((column) => {
              const mask = masks.get(column);
              return (
                <li key={column}>
                  <Badge tone={mask ? 'lead' : ''}>
                    <span class="mono">{column.split('.').at(-1)}</span>
                    {mask && <span title={mask.rule}>masked: {mask.method}</span>}
                  </Badge>
                </li>
              );
            })}
          </ul>
        </>
      )}
      {uses.row_predicates.map(({ object, where, rule }) => (
        <p key={rule} class="small">
          Rows of <span class="mono">{object}</span> where <code>{where}</code> <span class="muted">({rule})</span>
        </p>
      ))}
    </div>
  );
}
