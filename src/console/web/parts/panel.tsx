/** What every page is made of. */
import type { ComponentChildren, JSX } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { SqlDifference, SqlPart, Statement, Uses } from '../answers.ts';
import { Refused, withQuery } from '../api.ts';
import { linkTo } from '../hooks.ts';
import { bytes, clock, count, plural, span, standingOf, type Tone } from '../words.ts';

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

// --- statements

export function Standing({ verdict, state }: { verdict: string; state: string | null }): JSX.Element {
  const { tone, word } = standingOf(verdict, state);
  return <Badge tone={tone}>{word}</Badge>;
}

export const sizeOf = ({ rows, duration_ms: ms }: Pick<Statement, 'rows' | 'duration_ms'>): string =>
  [rows === null ? '' : plural(rows, 'row'), ms === null ? '' : span(ms)].filter((part) => part !== '').join(' · ');

const StatementLine = ({
  statement,
  isFresh,
  isOfOne,
}: {
  statement: Statement;
  isFresh: boolean;
  isOfOne: boolean;
}): JSX.Element => (
  <a class={`line ${isFresh ? 'fresh' : ''} ${isOfOne ? 'of-one' : ''}`} href={linkTo(`/statements/${statement.id}`)}>
    <time class="small muted number" dateTime={statement.at}>
      {clock(statement.at)}
    </time>
    <span class="clip agent">{statement.agent}</span>
    <span class="what">
      <p class="sql-line">{statement.text}</p>
      {statement.purpose && <p class="small muted">{statement.purpose}</p>}
    </span>
    <span class="row">
      <span class="small muted number">{sizeOf(statement)}</span>
      <Standing verdict={statement.verdict} state={statement.state} />
    </span>
  </a>
);

interface ListProps {
  readonly statements: readonly Statement[];
  /** Those that have just come. */
  readonly fresh?: ReadonlySet<string>;
  /** All of one agent, which need not be named in each line. */
  readonly isOfOne?: boolean;
}

export const StatementList = ({ statements, fresh, isOfOne = false }: ListProps): JSX.Element => (
  <ul class="lines">
    {statements.map((statement) => (
      <li key={statement.id}>
        <StatementLine statement={statement} isFresh={fresh?.has(statement.id) ?? false} isOfOne={isOfOne} />
      </li>
    ))}
  </ul>
);

// --- SQL

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
        const spaced = `${text} `;
        if (change === 'same') return spaced;
        return change === 'added' ? <ins key={index}>{spaced}</ins> : <del key={index}>{spaced}</del>;
      })}
    </section>
  );
}

/** The way to the rest of a list, where there is one: nothing older is out of reach. */
export function Pages({
  path,
  query,
  after,
  next,
  of,
}: {
  path: string;
  query: Readonly<Record<string, string | undefined>>;
  after: string | undefined;
  next: string | null;
  /** How many there are in all, in words. */
  of?: string;
}): JSX.Element | null {
  if (after === undefined && next === null) return null;
  return (
    <p class="empty row">
      {of !== undefined && <span class="muted">{of}</span>}
      {after !== undefined && <Link to={withQuery(path, query)}>Newest</Link>}
      {next !== null && <Link to={withQuery(path, { ...query, after: next })}>Older</Link>}
    </p>
  );
}

/** Objects, columns with their masks, row predicates and the rules that said so. */
export function UsesTable({ uses }: { uses: Uses }): JSX.Element {
  const masks = new Map(uses.masks.map((mask) => [mask.column, mask]));
  return (
    <div class="stack tight">
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th>Object</th>
              <th>Access</th>
              <th>Rule</th>
            </tr>
          </thead>
          <tbody>
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
          </tbody>
        </table>
      </div>
      {uses.columns.length > 0 && (
        <>
          <h3>Columns</h3>
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

// --- long lists

interface VirtualProps<T> {
  readonly items: readonly T[];
  readonly height: number;
  readonly label: string;
  readonly current?: number | undefined;
  readonly onEnd?: () => void;
  readonly children: (item: T, index: number) => ComponentChildren;
}

/** Only what is in view is there: a list of thousands scrolls like one of twenty. */
export function Virtual<T>({ items, height, label, current, onEnd, children }: VirtualProps<T>): JSX.Element {
  const box = useRef<HTMLElement>(null);
  const [top, setTop] = useState(0);
  const [size, setSize] = useState(600);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = new ResizeObserver(() => setSize(element.clientHeight));
    measure.observe(element);
    return () => measure.disconnect();
  }, []);
  useLayoutEffect(() => {
    const element = box.current;
    if (current === undefined || !element) return;
    const at = current * height;
    if (at < element.scrollTop || at + height > element.scrollTop + element.clientHeight)
      element.scrollTop = at - element.clientHeight / 3;
  }, [current, height]);
  const from = Math.max(0, Math.floor(top / height) - 8);
  const to = Math.min(items.length, Math.ceil((top + size) / height) + 8);
  return (
    <section
      class="virtual"
      ref={box}
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
      tabIndex={0}
      onScroll={(event) => {
        const { scrollTop, clientHeight, scrollHeight } = event.currentTarget;
        setTop(scrollTop);
        if (scrollTop + clientHeight > scrollHeight - 2000) onEnd?.();
      }}
    >
      <ul class="inner" style={{ height: `${items.length * height}px` }}>
        {items.slice(from, to).map((item, index) => children(item, from + index))}
      </ul>
    </section>
  );
}

// --- pictures

const WIDTH = 600;
const HEIGHT = 128;

/** Statements a minute, by verdict. */
export function VerdictChart({
  counts,
  minutes,
  now,
}: {
  counts: readonly { readonly at: string; readonly verdict: string; readonly statements: number }[];
  minutes: number;
  now: number;
}): JSX.Element {
  const first = Math.floor(now / 60_000) - minutes + 1;
  const spans = Array.from({ length: minutes }, () => ({ allowed: 0, asked: 0, denied: 0 }));
  const total = { allowed: 0, asked: 0, denied: 0 };
  for (const { at, verdict, statements } of counts) {
    const minute = spans[Math.floor(Date.parse(at) / 60_000) - first];
    const name = verdict === 'denied' || verdict === 'asked' ? verdict : 'allowed';
    if (!minute) continue;
    minute[name] += statements;
    total[name] += statements;
  }
  const most = Math.max(4, ...spans.map(({ allowed, asked, denied }) => allowed + asked + denied));
  const step = WIDTH / minutes;
  const scale = (HEIGHT - 8) / most;
  return (
    <figure class="stack tight">
      <svg
        class="chart"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Statements in the last ${minutes} minutes: ${total.allowed} allowed, ${total.asked} asked of a person, ${total.denied} denied`}
      >
        <line class="axis" x1="0" x2={WIDTH} y1={HEIGHT - 1} y2={HEIGHT - 1} />
        {spans.map((minute, index) => {
          let y = HEIGHT - 1;
          return (['allowed', 'asked', 'denied'] as const).map((name) => {
            const height = minute[name] * scale;
            y -= height;
            return height > 0 ? (
              <rect key={`${index} ${name}`} class={name} x={index * step + 1} width={step - 2} y={y} height={height} />
            ) : null;
          });
        })}
      </svg>
      <p class="ends small muted" aria-hidden="true">
        <span>{minutes} minutes ago</span>
        <span>at most {count(most)} a minute</span>
        <span>now</span>
      </p>
      <figcaption class="legend small">
        <span class="allowed">{count(total.allowed)} allowed</span>
        <span class="asked">{count(total.asked)} asked</span>
        <span class="denied">{count(total.denied)} denied</span>
      </figcaption>
    </figure>
  );
}

export function Bars({
  items,
}: {
  items: readonly { readonly name: string; readonly value: number; readonly text: string }[];
}): JSX.Element {
  const most = Math.max(1, ...items.map(({ value }) => value));
  return (
    <ul class="bars">
      {items.map(({ name, value, text }) => (
        <li key={name}>
          <div class="name">
            <span class="clip">{name}</span>
            <span class="muted small number">{text}</span>
          </div>
          <progress max={most} value={value} aria-label={`${name}: ${text}`} />
        </li>
      ))}
    </ul>
  );
}

export const bytesText = (value: number): string => bytes(value);
