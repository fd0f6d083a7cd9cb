/** A session: who logged in, its tokens, its current database, schema, role and warehouse, its parameters. */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { DuckDBConnection } from '@duckdb/node-api';
import { expiredMaster, expiredSession, type Parameters, unknownSession } from '../../../protocol/index.js';

export interface Session {
  readonly id: number;
  readonly user: string;
  readonly account: string;
  readonly connection: DuckDBConnection;
  readonly parameters: Parameters;
  readonly variables: Map<string, string | number | boolean>;
  /** Tables made with TEMPORARY: dropped at log-out. */
  readonly temporary: Set<string>;
  database: string;
  schema: string;
  role: string;
  warehouse: string;
  secondaryRoles: string;
  token: string;
  masterToken: string;
  expires: number;
  masterExpires: number;
  inTransaction: boolean;
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
  readonly #byToken = new Map<string, Session>();
  readonly #byMaster = new Map<string, Session>();
  readonly #lifetimes: SessionLifetimes;
  #nextId = Date.now() * 1000;

  constructor(lifetimes: SessionLifetimes) {
    this.#lifetimes = lifetimes;
  }

  nextId(): number {
    return ++this.#nextId;
  }

  open(session: Session): void {
    this.#issue(session);
  }

  #issue(session: Session): void {
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
  byToken(value: string | undefined): Session {
    const session = value === undefined ? undefined : this.#byToken.get(value);
    if (!session) throw unknownSession();
    if (session.expires < Date.now()) throw expiredSession();
    return session;
  }

  /** Throws 390114 where the master token is unknown or expired. */
  renew(master: string | undefined): Session {
    const session = master === undefined ? undefined : this.#byMaster.get(master);
    if (!session || session.masterExpires < Date.now()) throw expiredMaster();
    this.#issue(session);
    return session;
  }

  close(session: Session): void {
    this.#byToken.delete(session.token);
    this.#byMaster.delete(session.masterToken);
  }

  all(): Session[] {
    return [...new Set(this.#byMaster.values())];
  }

  get lifetimes(): SessionLifetimes {
    return this.#lifetimes;
  }
}
