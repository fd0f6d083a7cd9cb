/** What every page is made of. */
import type { ComponentChildren, JSX } from 'preact';
import { isPromptCut, untiedWords } from '../../../visible-text/index.js';
import type { Fact } from '../requests/answers.ts';
import { Refused } from '../requests/api.ts';
import { linkTo } from '../requests/hooks.ts';
import type { Tone } from './words.ts';

export const Badge = ({ tone = '', children }: { tone?: Tone; children: ComponentChildren }): JSX.Element => (
  <span class={`badge ${tone}`}>{children}</span>
);

export const Link = ({
  to,
  children,
  ...more
}: {
  to: string;
  children: ComponentChildren;
  class?: string;
}): JSX.Element => (
  <a href={linkTo(to)} {...more}>
    {children}
  </a>
);

interface PanelProps {
  readonly title: string;
  readonly side?: ComponentChildren;
  readonly isBare?: boolean;
  readonly children: ComponentChildren;
}

export const Panel = ({ title, side, isBare = false, children }: PanelProps): JSX.Element => (
  <section class="panel" aria-label={title}>
    <header>
      <h2>{title}</h2>
      {side}
    </header>
    {isBare ? children : <div class="body">{children}</div>}
  </section>
);

export const Empty = ({ children }: { children: ComponentChildren }): JSX.Element => <p class="empty">{children}</p>;

export function Problem({ error }: { error: Error }): JSX.Element {
  const hint = error instanceof Refused ? error.hint : undefined;
  return (
    <p class="note bad" role="alert">
      {error.message} {hint}
    </p>
  );
}

/** What is there, or why it is not, or that it comes. */
export function Shown<T>(props: {
  loaded: { readonly data: T | undefined; readonly error: Error | undefined };
  children: (data: T) => ComponentChildren;
}): JSX.Element {
  const { data, error } = props.loaded;
  return (
    <>
      {error && <Problem error={error} />}
      {data !== undefined ? props.children(data) : error ? null : <p class="loading">Loading …</p>}
    </>
  );
}

/** What others say of an approval: it is told whose word it is. */
export const Said = ({ said: { name, lines } }: { said: Fact }): JSX.Element => (
  <p class="small muted wrap said">
    {name}
    {lines.length > 0 && (
      <>
        : <q>{lines.join(' ')}</q>
      </>
    )}
  </p>
);

/** What nobody may overlook. */
export const Warnings = ({ warnings }: { warnings: readonly string[] }): JSX.Element => (
  <>
    {warnings.map((warning) => (
      <p key={warning} class="note bad whole">
        {warning}
      </p>
    ))}
  </>
);

/** What an agent wrote as its reason, told as the agent's: whatever it says, it is no word of ours. */
export const Reason = ({ agent, purpose }: { agent?: string; purpose: string | null }): JSX.Element => (
  <p class="small muted wrap">
    {purpose === null ? (
      'No reason was given.'
    ) : (
      <>
        {agent ?? 'The agent'} wrote, and nobody checked: <q>{purpose}</q>
      </>
    )}
  </p>
);

/** What a person typed, or a job that a client names: told with who says so, since nobody has checked it. */
export const Reported = ({
  prompt,
  untied,
  job,
  jobSource,
}: {
  prompt: unknown;
  untied: unknown;
  job: unknown;
  jobSource: unknown;
}): JSX.Element => {
  const typed = prompt as { source?: unknown; text?: unknown; length?: unknown } | null | undefined;
  const text = typeof typed?.text === 'string' ? typed.text : undefined;
  const isCut = typeof typed?.length === 'number' && isPromptCut(typed.length);
  const parts = typeof job === 'object' && job !== null ? Object.entries(job) : [];
  return (
    <>
      {text !== undefined && (
        <p class="small wrap">
          The person typed, {SOURCES[String(typed?.source)] ?? 'as was reported'}: <q>{text}</q>
          {isCut && ` … (${String(typed?.length)} characters)`}
        </p>
      )}
      {typeof untied === 'string' && <p class="small muted wrap">What the person typed is {untiedWords(untied)}.</p>}
      {parts.length > 0 && (
        <p class="small muted wrap">
          Part of a job, {SOURCES[String(jobSource)] ?? 'as was reported'}:{' '}
          {parts.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(' ')}
        </p>
      )}
    </>
  );
};

const SOURCES: Readonly<Record<string, string>> = {
  hook: 'as the client’s hook reported',
  call: 'as the client said with the call',
  connection: 'as the connection says',
};
