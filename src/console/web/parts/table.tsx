/** Tables: a head, and rows that scroll sideways where they are wider than the page. */
import type { ComponentChildren, JSX } from 'preact';

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

export const Table = ({ caption, headings, children }: TableProps): JSX.Element => (
  <div class="scroll">
    <table>
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
