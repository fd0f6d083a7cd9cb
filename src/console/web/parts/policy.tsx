/** What a policy says. */
import type { JSX } from 'preact';
import type { PolicyInWords } from '../requests/answers.ts';

/** A sentence a line. */
export const PolicyWords = ({ policy }: { policy: Pick<PolicyInWords, 'words'> }): JSX.Element => (
  <ul class="stack tight">
    {policy.words.map((words) => (
      <li key={words} class="wrap">
        {words}
      </li>
    ))}
  </ul>
);
