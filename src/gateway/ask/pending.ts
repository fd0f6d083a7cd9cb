/**
 * Approvals that somebody waits for, as they were when they were last read whole and found to fit. Whoever asks again and again is told
 * from here that nobody has decided: their statement is not read, opened and judged at each look, but when its row, the rules or the
 * catalog have changed, after a minute, and before it runs.
 */
import type { Approval, Approvals } from '../../approval/index.js';

/** As long as a judgement is remembered. */
const FITS_MS = 60_000;
const MAX_REMEMBERED = 2000;

/** What a look needs of one that waits. */
export type Waits = Pick<
  Approval,
  'id' | 'issuer' | 'subject' | 'client_id' | 'session_id' | 'statement_id' | 'expires_at' | 'requirements'
> & { readonly state: 'pending' };

interface Remembered {
  readonly waits: Waits;
  /** Of its row. */
  readonly stamp: string;
  /** What it was found to fit, and until when that holds. */
  fits: string | undefined;
  until: number;
}

export class Pending {
  readonly #approvals: Approvals;
  readonly #remembered = new Map<string, Remembered>();

  constructor(approvals: Approvals) {
    this.#approvals = approvals;
  }

  /** One of any state, read whole; or that it waits, where its row is the one that was read whole before. Throws RecorderUnavailable. */
  async look(id: string): Promise<Approval | Waits | undefined> {
    const stamp = await this.#approvals.stamp(id);
    const known = this.#remembered.get(id);
    if (known && known.stamp === stamp && known.until > Date.now()) return known.waits;
    this.#remembered.delete(id);
    const approval = await this.#approvals.get(id);
    // The row may be another one by now: then its stamp is, at the next look.
    if (approval?.state === 'pending' && stamp !== undefined) this.#remember(approval, stamp);
    return approval;
  }

  /** Whether it was found to fit these circumstances, a short while ago. */
  isFitting(id: string, circumstances: string): boolean {
    const known = this.#remembered.get(id);
    return known !== undefined && known.fits === circumstances && known.until > Date.now();
  }

  fits(id: string, circumstances: string): void {
    const known = this.#remembered.get(id);
    if (!known) return;
    known.fits = circumstances;
    known.until = Date.now() + FITS_MS;
  }

  #remember(approval: Approval, stamp: string): void {
    const { id, issuer, subject, client_id, session_id, statement_id, expires_at, requirements } = approval;
    const waits: Waits = {
      id,
      issuer,
      subject,
      client_id,
      session_id,
      statement_id,
      expires_at,
      requirements,
      state: 'pending',
    };
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size >= MAX_REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest);
    this.#remembered.set(id, { waits, stamp, fits: undefined, until: Date.now() + FITS_MS });
  }
}

/** Whether it was read whole. */
export const isWhole = (approval: Approval | Waits): approval is Approval => 'sent' in approval;
