/** Tables: a head, and rows; on a narrow screen each row is a block in which every value has its column's name, so that none is out of sight. */
import type { ComponentChildren, JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { visibleText } from '../../../visible-text/index.js';

/** A column's heading; `number` where figures stand below, `sr` where it is only read aloud. */
export type Heading = string | { readonly text: string; readonly is: 'number' | 'sr' };

const Head = ({ heading }: { heading: Heading }): JSX.Element => {
  if (typeof heading === 'string') return <th>{heading}</th>;
  if (heading.is === 'number') return <th class="number">{heading.text}</th>;
  return (
    <th>
      <span class="sr">{heading.text}</span>
    </th>
  );
};

interface TableProps {
  /** What it is, for who does not see it. */
  readonly caption?: string;
  readonly headings: readonly Heading[];
  /** Rows. */
  readonly children: ComponentChildren;
}

/** What the stylesheet puts before each value. Roles are said, since a browser takes them from tables whose rows are laid out as blocks. */
function label(table: HTMLTableElement, headings: readonly Heading[]): void {
  table.setAttribute('role', 'table');
  for (const row of table.rows) {
    row.setAttribute('role', 'row');
    for (const [at, cell] of [...row.cells].entries()) {
      const heading = headings[at];
      cell.setAttribute('role', cell.tagName === 'TH' ? 'columnheader' : 'cell');
      if (cell.tagName === 'TD' && typeof heading === 'string') cell.dataset['label'] = visibleText(heading);
      else if (cell.tagName === 'TD' && typeof heading === 'object' && heading.is === 'number')
        cell.dataset['label'] = visibleText(heading.text);
    }
  }
  for (const group of [table.tHead, ...table.tBodies]) group?.setAttribute('role', 'rowgroup');
}

export const Table = ({ caption, headings, children }: TableProps): JSX.Element => {
  const table = useRef<HTMLTableElement>(null);
  useLayoutEffect(() => {
    if (table.current) label(table.current, headings);
  });
  return (
    <div class="scroll">
      <table ref={table}>
        {caption !== undefined && <caption class="sr">{caption}</caption>}
        <thead>
          <tr>
            {headings.map((heading, at) => (
              <Head key={at} heading={heading} />
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
};
