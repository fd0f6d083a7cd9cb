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
  /** The request, with what its client has reported of it. */
  readonly asked: QueryRequest;
}

/** Of several the nearest to the statement: that of the call itself, else the newest that a hook told, else that of the connection. */
async function withReported(
  { transcript }: AdmittedParts,
  { principal }: Caller,
  request: QueryRequest,
): Promise<QueryRequest> {
  const { prompt, job, place, conversation } = request.reported ?? {};
  if (prompt?.source === 'call') return request;
  const found = await transcript.prompts.newest(principal, { place, conversation });
  if (!found) return request;
  // One that the connection has is known to belong to it.
  if (typeof found === 'string')
    return prompt ? request : { ...request, reported: { ...request.reported, untied: found } };
  return { ...request, reported: { job, place, prompt: { source: 'hook', ...found } } };
}

/** Before anything of the statement is read. Throws NotAdmitted, RecordInDoubt, RecorderUnavailable. */
export async function admitted(
  parts: AdmittedParts,
  caller: Caller,
  request: QueryRequest,
  askedAt: Date,
): Promise<Admitted> {
  const { transcript, admission } = parts;
  const { principal, client } = caller;
  const { sql, purpose, binds, session: named } = request;
  await transcript.ensureAlive();
  const { prompt, job } = request.reported ?? {};
  await admission.statement(principal, [sql, purpose, binds, ...(prompt || job ? [prompt?.text, job?.parts] : [])]);
  const mayOpen = (): Promise<void> => admission.session(principal);
  const [session, asked] = await Promise.all([
    transcript.sessions.find(principal, client, named, mayOpen),
    withReported(parts, caller, request),
  ]);
  return { session, whose: whoseOf(parts, caller, askedAt), asked };
}
