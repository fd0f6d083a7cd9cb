/** What checks find: each place where the record is not what was written, up to a bound. */

/** A place where the transcript is not what was written. */
export interface Break {
  readonly session: string | undefined;
  readonly position: number | undefined;
  readonly at: string | undefined;
  /** In a sentence. */
  readonly what: string;
}

const MAX_BREAKS = 100;

/** What was found so far, up to a bound. */
export class Breaks {
  readonly #found: Break[] = [];
  #isCut = false;

  report(what: string, place: Partial<Pick<Break, 'session' | 'position' | 'at'>> = {}): void {
    if (this.#found.length >= MAX_BREAKS) this.#isCut = true;
    else this.#found.push({ session: place.session, position: place.position, at: place.at, what });
  }

  add(more: readonly Break[], isCut: boolean): void {
    for (const { what, ...place } of more) this.report(what, place);
    this.#isCut ||= isCut;
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  /** In the order of the sessions, which is that of time, then of their events. */
  get sorted(): readonly Break[] {
    const order = (entry: Break): string => entry.session ?? '';
    return [...this.#found].sort((left, right) =>
      order(left) === order(right) ? (left.position ?? 0) - (right.position ?? 0) : order(left) < order(right) ? -1 : 1,
    );
  }
}
