/** Times as pages show them: date, time and zone, in UTC or in the zone of whoever looks, as they have chosen. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { moment, momentHere, zoneHere } from '../../../times/index.js';
import { ago } from './words.ts';

const KEY = 'snowfence.times';
const HERE = 'here';

/** Whoever forbids the page to keep anything has UTC. */
function kept(): boolean {
  try {
    return localStorage.getItem(KEY) === HERE;
  } catch {
    return false;
  }
}

let isHere = kept();
const watchers = new Set<(value: boolean) => void>();

function choose(value: boolean): void {
  isHere = value;
  try {
    if (value) localStorage.setItem(KEY, HERE);
    else localStorage.removeItem(KEY);
  } catch {
    // It holds for as long as the page is open.
  }
  for (const watcher of watchers) watcher(value);
}

/** How times are written now; what uses it is drawn anew when somebody chooses otherwise. */
function useMoments(): (iso: string) => string {
  const [value, set] = useState(isHere);
  useEffect(() => {
    watchers.add(set);
    return () => {
      watchers.delete(set);
    };
  }, []);
  return value ? momentHere : moment;
}

/** `2026-11-27 11:47:19 UTC`. */
export const When = ({ at, ...more }: { at: string; class?: string }): JSX.Element => {
  const written = useMoments();
  return (
    <time dateTime={at} {...more}>
      {written(at)}
    </time>
  );
};

/** How long ago it was, with the time itself for who points at it. */
export const Since = ({ at, now }: { at: string; now: number }): JSX.Element => {
  const written = useMoments();
  return (
    <time dateTime={at} title={written(at)}>
      {ago(at, now)}
    </time>
  );
};

/** In which zone all times are. */
export function ZoneChoice(): JSX.Element {
  useMoments();
  return (
    <label class="zone small">
      Times in{' '}
      <select value={isHere ? HERE : 'UTC'} onChange={(event) => choose(event.currentTarget.value === HERE)}>
        <option value="UTC">UTC</option>
        <option value={HERE}>{zoneHere()} (here)</option>
      </select>
    </label>
  );
}
