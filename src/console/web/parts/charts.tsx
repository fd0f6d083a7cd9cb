/** Numbers as pictures. */
import type { JSX } from 'preact';
import { count } from './words.ts';

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
        aria-label={`Statements in the last ${minutes} minutes: ${total.allowed} allowed, ${total.asked} asked of a person, ${total.denied} refused`}
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
        <span class="denied">{count(total.denied)} refused</span>
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
