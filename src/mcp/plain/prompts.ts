/** `POST /prompts`: what a person typed, reported by the hook of their client, before the agent does anything about it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Gateway } from '../../gateway/index.js';
import type { Principal } from '../../identity/index.js';
import { BY_CONNECT, BY_HEADER, MAX_CONVERSATION } from '../../reported/index.js';
import { saidIn } from '../../visible-text/index.js';
import { bodyInTurn } from '../reading.js';

const reportBody = z.strictObject({
  prompt: z
    .string()
    .max(1_048_576)
    .refine((text) => saidIn(text) !== undefined),
  place: z
    .string()
    .regex(/^[0-9a-f]{8,64}$/)
    .optional(),
  conversation: z.string().max(MAX_CONVERSATION).optional(),
});

/** Answers `{id, characters, recorded}`: how long the prompt is, and how much of it is kept. */
export async function answerReport(
  gateway: Gateway,
  request: IncomingMessage,
  response: ServerResponse,
  principal: Principal,
  address: string | undefined,
): Promise<void> {
  const json = (status: number, body: object, headers: Readonly<Record<string, string>> = {}): void => {
    response
      .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers })
      .end(JSON.stringify(body));
  };
  if (request.method !== 'POST') return json(405, { error: 'Send POST.' }, { allow: 'POST' });
  const read = await bodyInTurn(gateway.admission, request, response, principal);
  if (read === undefined) return;
  try {
    const parsed = reportBody.safeParse(read.body);
    if (!parsed.success) {
      await gateway.admission.refused(principal);
      return json(400, {
        error:
          'The body has to be JSON with "prompt", a text that says something; "place" (a digest) and "conversation" may be there.',
      });
    }
    const { prompt: text, place, conversation } = parsed.data;
    const client = { transport: 'hook', name: undefined, version: undefined, address };
    const isByConnect = request.headers[BY_HEADER] === BY_CONNECT;
    const told = { text, place, conversation, isByConnect };
    const { id, recorded, denial } = await gateway.report({ principal, client }, told);
    if (denial) {
      await gateway.admission.beforeTelling(denial, undefined);
      const status = denial.code === 'LIMIT_REACHED' ? 429 : 503;
      return json(status, { code: denial.code, error: [denial.message, denial.hint].filter(Boolean).join(' ') });
    }
    return json(200, { id, characters: text.length, recorded });
  } finally {
    read.turn[Symbol.dispose]();
  }
}
