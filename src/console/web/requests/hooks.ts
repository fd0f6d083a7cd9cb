/** Where we are, what was loaded, what comes live. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { visibleText } from '../../../visible-text/index.js';
import type { LiveEvent } from './answers.ts';
import { get } from './api.ts';

// --- where

const BASE = '/console';
const places = new Set<() => void>();

const here = (): string => location.pathname.slice(BASE.length) || '/';
export const linkTo = (path: string): string => `${BASE}${path === '/' ? '' : path}`;

export function goTo(path: string, isReplacing = false): void {
  if (isReplacing) history.replaceState(null, '', linkTo(path));
  else history.pushState(null, '', linkTo(path));
  for (const place of places) place();
  if (!isReplacing) window.scrollTo(0, 0);
}

addEventListener('popstate', () => {
  for (const place of places) place();
});
// Links of ours need no new page.
document.addEventListener('click', (event) => {
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  if (link.origin !== location.origin || link.target !== '' || !link.pathname.startsWith(BASE)) return;
  if (/^\/console\/(?:sign-|assets\/)/.test(link.pathname) || link.hash !== '') return;
  event.preventDefault();
  goTo((link.pathname.slice(BASE.length) || '/') + link.search);
});

/** The path within the console and what is asked for behind it. */
export function useHere(): { readonly path: string; readonly query: URLSearchParams } {
  const [, look] = useState(0);
  useEffect(() => {
    const again = (): void => look((count) => count + 1);
    places.add(again);
    return () => {
      places.delete(again);
    };
  }, []);
  return { path: here(), query: new URLSearchParams(location.search) };
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${visibleText(title)} · snowfence`;
  }, [title]);
}

// --- what

export interface Loaded<T> {
  readonly data: T | undefined;
  readonly error: Error | undefined;
  /** Asks again; what is there stays until the answer comes. */
  readonly reload: () => void;
  readonly set: (data: T) => void;
}

export function useLoaded<T>(path: string): Loaded<T> {
  const [state, setState] = useState<{ path: string; data?: T; error?: Error }>({ path });
  const latest = useRef(path);
  latest.current = path;
  const reload = useCallback(() => {
    get<T>(path).then(
      (data) => {
        if (latest.current === path) setState({ path, data });
      },
      (error: unknown) => {
        if (latest.current === path)
          setState((before) => ({
            ...(before.path === path ? before : { path }),
            error: error instanceof Error ? error : new Error(String(error)),
          }));
      },
    );
  }, [path]);
  useEffect(reload, [reload]);
  const set = useCallback((data: T) => setState({ path, data }), [path]);
  const isThis = state.path === path;
  return { data: isThis ? state.data : undefined, error: isThis ? state.error : undefined, reload, set };
}

// --- live

type Listener = (events: readonly LiveEvent[]) => void;
const listeners = new Set<Listener>();
/** What was loaded before the stream began, or while it was broken, may be old by now: it is asked for again. */
const refreshers = new Set<() => void>();
const watchers = new Set<(isLive: boolean) => void>();
let isLive = false;
let source: EventSource | undefined;

function setLive(value: boolean): void {
  isLive = value;
  for (const watcher of watchers) watcher(value);
}

function connect(): void {
  if (source) return;
  source = new EventSource('/api/stream');
  source.addEventListener('hello', () => {
    setLive(true);
    for (const refresh of refreshers) refresh();
  });
  source.addEventListener('error', () => setLive(false));
  // The record is in doubt, which the pages say: nothing is shown as it happens.
  source.addEventListener('stopped', () => setLive(false));
  source.addEventListener('events', (message) => {
    const events = JSON.parse(String(message.data)) as LiveEvent[];
    for (const listener of listeners) listener(events);
  });
}

/** Hears of events as they are written; `refresh` asks anew for what is shown, where some may have been missed. */
export function useEvents(listener: Listener, refresh: () => void): boolean {
  const latest = useRef({ listener, refresh });
  latest.current = { listener, refresh };
  const [live, look] = useState(isLive);
  useEffect(() => {
    const hear: Listener = (events) => latest.current.listener(events);
    const again = (): void => latest.current.refresh();
    listeners.add(hear);
    refreshers.add(again);
    watchers.add(look);
    connect();
    return () => {
      listeners.delete(hear);
      refreshers.delete(again);
      watchers.delete(look);
    };
  }, []);
  return live;
}

/** Runs the work soon, however often it is asked for meanwhile. */
export function useSoon(work: () => void, ms: number): () => void {
  const timer = useRef<number | undefined>(undefined);
  const latest = useRef(work);
  latest.current = work;
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    timer.current ??= window.setTimeout(() => {
      timer.current = undefined;
      latest.current();
    }, ms);
  }, [ms]);
}

/** The time, every so often. */
export function useClock(ms: number): number {
  const [now, set] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => set(Date.now()), ms);
    return () => clearInterval(timer);
  }, [ms]);
  return now;
}
