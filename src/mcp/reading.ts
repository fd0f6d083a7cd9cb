/** What every request over HTTP has in common before its call is known: a body that is read within bounds and in turn, and a no that the protocol's clients can read. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Gateway, TurnedAway } from '../gateway/index.js';
import type { Principal } from '../identity/index.js';
import { JsonProblem, parseBounded } from '../network/index.js';
import { drain, MAX_BODY_BYTES, readBody } from './bodies.js';
import { withoutNullArguments } from './schema.js';

type Admission = Gateway['admission'];

/** Every problem is told in the form that the caller's protocol has for it. */
export const problem = (message: string, code = -32000): string =>
  JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null });

/** RFC 6585, section 4. Whoever asks again and again without a pause is given one. */
export async function turnAway(
  admission: Admission,
  request: IncomingMessage,
  response: ServerResponse,
  { message, retryAfterSeconds }: TurnedAway,
): Promise<void> {
  const hasBody = request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
  await admission.pause();
  response.writeHead(429, {
    'content-type': 'application/json',
    'retry-after': String(retryAfterSeconds),
    // What was not read stays unread, so this connection is good for nothing more.
    ...(hasBody ? { connection: 'close' } : {}),
  });
  response.end(problem(`${message} Try again in ${retryAfterSeconds} s.`));
}

/**
 * Read and parsed, in the caller's turn, which is to be given back; undefined where it can't be, which has been answered and counts as a
 * refusal.
 */
export async function bodyInTurn(
  admission: Admission,
  request: IncomingMessage,
  response: ServerResponse,
  principal: Principal,
): Promise<{ readonly body: object; readonly turn: Disposable } | undefined> {
  const size = Number(request.headers['content-length'] ?? 0);
  if (size > MAX_BODY_BYTES) await drain(request);
  const raw = size > MAX_BODY_BYTES ? undefined : await readBody(request);
  const turn = await admission.turn(principal);
  let told: string;
  if (raw === undefined) {
    response.writeHead(413, { 'content-type': 'application/json', connection: 'close' });
    told = problem(`The request is larger than ${MAX_BODY_BYTES} bytes.`);
  } else
    try {
      const body = parseBounded(raw);
      for (const message of [body].flat()) withoutNullArguments(message);
      return { body, turn };
    } catch (error) {
      turn[Symbol.dispose]();
      if (!(error instanceof JsonProblem)) throw error;
      response.writeHead(400, { 'content-type': 'application/json' });
      told = problem(error.message, -32700);
    }
  turn[Symbol.dispose]();
  await admission.refused(principal);
  response.end(told);
  return undefined;
}
