/** Who is let in with a statement: within what they may cost, in which session, under which rules. */
import type { TranscriptStore } from '../../transcript/index.js';
import type { QueryRequest } from '../answer/answer.js';
import { type Caller, type Rules, type Whose, whoseOf } from '../judge/whose.js';
import type { Admission } from './admission.js';

export interface AdmittedParts extends Rules {
  readonly transcript: TranscriptStore;
  readonly admission: Admission;
}

export interface Admitted {
  readonly session: string;
  readonly whose: Whose;
}

/** Before anything of the statement is read. Throws NotAdmitted, RecordInDoubt, RecorderUnavailable. */
export async function admitted(
  parts: AdmittedParts,
  { principal, client }: Caller,
  { sql, purpose, binds, session: named }: QueryRequest,
  askedAt: Date,
): Promise<Admitted> {
  const { transcript, admission } = parts;
  await transcript.ensureAlive();
  await admission.statement(principal, [sql, purpose, binds]);
  const mayOpen = (): Promise<void> => admission.session(principal);
  const session = await transcript.sessions.find(principal, client, named, mayOpen);
  return { session, whose: whoseOf(parts, principal, askedAt) };
}
