/** Lists that are too long for one page: the way to what is older, or only what is in view. */
import type { ComponentChildren, JSX } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { withQuery } from '../requests/api.ts';
import { Link } from './panel.tsx';

/** The way to the rest of a list, where there is one: nothing older is out of reach. */
export function Pages({
  path,
  query,
  after,
  next,
  of,
  isSoonestFirst = false,
}: {
  path: string;
  query: Readonly<Record<string, string | undefined>>;
  after: string | undefined;
  next: string | null;
  /** How many there are in all, in words. */
  of?: string;
  /** What comes behind is later, not older. */
  isSoonestFirst?: boolean;
}): JSX.Element | null {
  if (after === undefined && next === null) return null;
  return (
    <p class="empty row">
      {of !== undefined && <span class="muted">{of}</span>}
      {after !== undefined && <Link to={withQuery(path, query)}>{isSoonestFirst ? 'Soonest' : 'Newest'}</Link>}
      {next !== null && (
        <Link to={withQuery(path, { ...query, after: next })}>{isSoonestFirst ? 'Later' : 'Older'}</Link>
      )}
    </p>
  );
}

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
