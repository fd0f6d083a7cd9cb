/** Texts of statements, and what is different in the text as sent. */
import type { JSX } from 'preact';
import type { SqlDifference, SqlPart } from '../requests/answers.ts';

export const Sql = ({ parts, label }: { parts: readonly SqlPart[]; label: string }): JSX.Element => (
  // A region that scrolls has to be reached by the keyboard.
  // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
  <section class="sql" aria-label={label} tabIndex={0}>
    {parts.map(({ kind, text }, index) =>
      kind === 'space' || kind === 'plain' ? (
        text
      ) : (
        <span key={index} class={kind}>
          {text}
        </span>
      ),
    )}
  </section>
);

export function Differences({ parts }: { parts: readonly SqlDifference[] }): JSX.Element {
  if (parts.every(({ change }) => change === 'same'))
    return <p class="muted">Sent just as it was asked, but for comments and white space.</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
    <section class="sql" aria-label="What is different in the text as sent" tabIndex={0}>
      {parts.map(({ change, text }, index) => {
        if (change === 'same') return text;
        return change === 'added' ? <ins key={index}>{text}</ins> : <del key={index}>{text}</del>;
      })}
    </section>
  );
}
