/** Sessions that are open: each with its tokens, and with what is known of whoever holds them. */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { expiredMaster, expiredSession, unknownSession } from '../../../protocol/index.js';
import type { Session } from '../statements/execution.js';

export interface OpenSession extends Session {
  token: string;
  masterToken: string;
  expires: number;
  masterExpires: number;
  /** Takes an open transaction back that nobody goes on with. */
  idle: NodeJS.Timeout | undefined;
  /** The connection that its last statement came by. */
  socket: Socket | undefined;
  /** Statements of one session run one after another. */
  tail: Promise<unknown>;
}

const token = (): string => `ver:1-hint:1-${randomBytes(36).toString('base64url')}`;

export interface SessionLifetimes {
  readonly sessionSeconds: number;
  readonly masterSeconds: number;
}

/** Open sessions by their tokens. */
export class Sessions {
  readonly #byToken = new Map<string, OpenSession>();
  readonly #byMaster = new Map<string, OpenSession>();
  readonly #lifetimes: SessionLifetimes;
  #nextId = Date.now() * 1000;

  constructor(lifetimes: SessionLifetimes) {
    this.#lifetimes = lifetimes;
  }

  nextId(): number {
    return ++this.#nextId;
  }

  open(session: OpenSession): void {
    this.#issue(session);
  }

  #issue(session: OpenSession): void {
    this.#byToken.delete(session.token);
    this.#byMaster.delete(session.masterToken);
    session.token = token();
    session.masterToken = token();
    session.expires = Date.now() + this.#lifetimes.sessionSeconds * 1000;
    session.masterExpires = Date.now() + this.#lifetimes.masterSeconds * 1000;
    this.#byToken.set(session.token, session);
    this.#byMaster.set(session.masterToken, session);
  }

  /** Throws 390104 for an unknown token and 390112 for an expired one: the driver renews on the latter. */
  byToken(value: string | undefined): OpenSession {
    const session = value === undefined ? undefined : this.#byToken.get(value);
    if (!session) throw unknownSession();
    if (session.expires < Date.now()) throw expiredSession();
    return session;
  }

  /** Throws 390114 where the master token is unknown or expired. */
  renew(master: string | undefined): OpenSession {
    const session = master === undefined ? undefined : this.#byMaster.get(master);
    if (!session || session.masterExpires < Date.now()) throw expiredMaster();
    this.#issue(session);
    return session;
  }

  close(session: OpenSession): void {
    this.#byToken.delete(session.token);
    this.#byMaster.delete(session.masterToken);
  }

  all(): OpenSession[] {
    return [...new Set(this.#byMaster.values())];
  }

  get lifetimes(): SessionLifetimes {
    return this.#lifetimes;
  }
}
