/** The rows of search as they follow from the events of each session, summed up: what the store has is compared with that. */
import type { RawEvent } from '../form/event.js';
import {
  clientOf,
  OPENING_KINDS,
  OUTCOME_KINDS,
  outcomeRow,
  sessionKey,
  statementRow,
  termsOfSession,
} from '../form/projection.js';
import type { Breaks } from './breaks.js';
import { joinedRow, RowSum, type RowSumState } from './row-sums.js';

const PROJECTED: ReadonlySet<string> = new Set([...OPENING_KINDS, ...OUTCOME_KINDS]);

/** One of each kind of row. */
export interface Projections {
  readonly sessions: RowSum;
  readonly statements: RowSum;
  readonly outcomes: RowSum;
}

/** What one thread summed up. */
export type SearchRowsState = Readonly<Record<keyof Projections, RowSumState>>;

/** Takes the events of each session together and in order. */
export class SearchRows {
  readonly #breaks: Breaks;
  readonly sums: Projections;
  /** Of the session that is being read. */
  #statements = new Set<string>();
  #outcomes = new Set<string>();
  #agent: string | null = null;
  #terms: readonly string[] = [];

  /** `sumKey`: of the moment; the same for sums that are compared or added up. */
  constructor(breaks: Breaks, sumKey: string) {
    this.#breaks = breaks;
    const sum = (): RowSum => new RowSum(sumKey);
    this.sums = { sessions: sum(), statements: sum(), outcomes: sum() };
  }

  /** What comes now is another session's. */
  begin(): void {
    this.#statements = new Set();
    this.#outcomes = new Set();
  }

  /** What every statement of the session that is being read has of it. */
  opens(body: Readonly<Record<string, unknown>>): void {
    this.#agent = agentOf(body);
    this.#terms = termsOfSession(body);
  }

  /** The row of a session that was opened so. */
  opened(session: string, at: string, body: Readonly<Record<string, unknown>>): void {
    this.sums.sessions.add(sessionText(session, at, body));
  }

  /** Any event but one that opens a session. */
  event(event: RawEvent): void {
    const { kind } = event;
    if (!PROJECTED.has(kind)) return;
    const { at, session, statement } = event;
    const parsed = { at, session, statement, kind, body: JSON.parse(event.body) as Record<string, unknown> };
    const row = statementRow(parsed);
    if (row && !this.#statements.has(row.id)) {
      this.#statements.add(row.id);
      this.sums.statements.add(statementText(row, this.#agent, this.#terms));
    }
    const outcome = outcomeRow(parsed);
    if (outcome && !this.#statements.has(outcome.id))
      this.#breaks.report(
        `This event tells of the end of statement ${outcome.id}, which was not asked in this session.`,
        {
          session: event.session,
          position: event.position,
          at: event.at,
        },
      );
    if (outcome && !this.#outcomes.has(outcome.id)) {
      this.#outcomes.add(outcome.id);
      this.sums.outcomes.add(outcomeText(outcome));
    } else if (outcome && outcome.state !== 'denied')
      this.#breaks.report(`Statement ${outcome.id} has two outcomes.`, {
        session: event.session,
        position: event.position,
        at: event.at,
      });
  }

  /** For another thread, which has the same key. */
  state(): SearchRowsState {
    const { sessions, statements, outcomes } = this.sums;
    return { sessions: sessions.state, statements: statements.state, outcomes: outcomes.state };
  }

  merge(other: SearchRowsState): void {
    for (const name of ['sessions', 'statements', 'outcomes'] as const) this.sums[name].merge(other[name]);
  }
}

const list = (items: readonly string[]): string => items.join('\u001e');

/** What an agent's session is found by: see write/sessions.ts. */
function sessionKeyOf(body: Readonly<Record<string, unknown>>): string {
  if (body['actor'] !== 'agent') return '';
  const client = (body['client'] ?? {}) as Readonly<Record<string, unknown>>;
  const { issuer, subject, client_id: clientId, token_id: tokenId } = body;
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  // Earlier versions kept all clients of a token in one session.
  const more =
    body['each_client'] === true
      ? clientOf(text(tokenId), text(client['name']))
      : String(tokenId ?? client['name'] ?? '');
  return sessionKey(String(issuer), String(subject), String(clientId), more);
}

/** The row of a session, from the event that opened it. */
export function sessionText(session: string, at: string, body: Readonly<Record<string, unknown>>): string {
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  const client = (body['client'] ?? {}) as Readonly<Record<string, unknown>>;
  const groups = Array.isArray(body['groups']) ? body['groups'].map(String) : [];
  return joinedRow([
    session,
    at,
    text(body['actor']),
    text(body['issuer']),
    text(body['subject']),
    text(body['client_id']),
    list(groups),
    text(body['token_id']),
    text(body['transport']),
    text(client['name']),
    text(client['version']),
    Object.keys(client).length,
    text(body['address']),
    sessionKeyOf(body),
    list(termsOfSession(body)),
  ]);
}

/** The name that a session's statements are listed under. */
export const agentOf = (opening: Readonly<Record<string, unknown>>): string | null =>
  typeof opening['subject'] === 'string' ? opening['subject'] : null;

/** The row of a statement; agent and the first terms are its session's. */
export const statementText = (
  row: NonNullable<ReturnType<typeof statementRow>>,
  agent: string | null,
  terms: readonly string[],
): string =>
  joinedRow([
    row.id,
    row.at,
    row.session_id,
    agent,
    row.kind,
    row.verdict,
    row.fingerprint,
    row.text,
    row.purpose,
    list([...terms, ...row.terms]),
  ]);

export const outcomeText = (row: NonNullable<ReturnType<typeof outcomeRow>>): string =>
  joinedRow([row.id, row.at, row.state, row.rows, row.bytes, row.duration_ms, row.query_id]);
