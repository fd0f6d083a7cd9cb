/** `snowfence prompt`: tells a gateway what a person typed. The hook of a client runs it, before its agent does anything about it. */
import { z } from 'zod';
import { SnowfenceError } from '../../config/problem.js';
import { placeOf } from '../../reported/index.js';
import { saidIn } from '../../visible-text/index.js';
import { fetchHere } from './gateway-trust.js';
import { handOver, type Said } from './handing-over.js';
import type { TokenOptions } from './source.js';
import { ownSource } from './token.js';

const TIMEOUT_MS = 8000;
const MAX_INPUT_BYTES = 1_048_576;

/** Claude Code's hook `UserPromptSubmit` (https://code.claude.com/docs/en/hooks, "UserPromptSubmit input"). */
const hookInput = z.object({
  prompt: z.string(),
  session_id: z.string().max(200).optional(),
  cwd: z.string().optional(),
});
const answerShape = z.object({ characters: z.number(), recorded: z.number() });
const errorShape = z.object({ error: z.union([z.string(), z.object({ message: z.string() })]) });

async function inputText(): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of process.stdin) {
    size += (part as Buffer).length;
    if (size > MAX_INPUT_BYTES)
      throw new SnowfenceError(
        'PROMPT_TOO_LONG',
        `The prompt is longer than ${MAX_INPUT_BYTES} bytes.`,
        'It was not reported.',
        1,
      );
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts).toString('utf8');
}

interface Typed {
  readonly prompt: string;
  readonly conversation: string | undefined;
  readonly folder: string;
}

function typedIn(text: string, isPlain: boolean): Typed {
  const folder = process.env['CLAUDE_PROJECT_DIR'] || process.cwd();
  if (isPlain) return { prompt: text.trim(), conversation: undefined, folder };
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    given = undefined;
  }
  const { data } = hookInput.safeParse(given);
  if (!data)
    throw new SnowfenceError(
      'USAGE',
      'Standard input is not what a hook for prompts is given: JSON with "prompt".',
      'Give --text for a prompt that comes as it is.',
    );
  return { prompt: data.prompt.trim(), conversation: data.session_id, folder };
}

/** Tells the gateway. Throws a SnowfenceError where it does not answer, or is none. */
export async function postPrompt(
  url: URL,
  token: string,
  body: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Said> {
  const address = new URL('/prompts', url);
  const response = await fetchHere(address, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...more },
    body,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch((error: unknown) => {
    if (error instanceof SnowfenceError) throw error;
    throw new SnowfenceError('GATEWAY_UNREACHABLE', `No gateway answers at ${address.origin}.`, 'Check --url.', 1);
  });
  return { status: response.status, body: await response.json().catch(() => undefined) };
}

/** By a token of its own, or by the `connect` that its client has started here and somebody has signed in for. */
async function told(options: TokenOptions, place: string, body: string): Promise<Said> {
  const own = ownSource(options);
  if (own) return postPrompt(options.url, await own.token(), body);
  const words = await handOver({ url: options.url, place }, body, TIMEOUT_MS).catch(() => {
    throw new SnowfenceError(
      'NOT_REPORTED',
      'The snowfence connect of this folder did not answer in time, so this prompt was not recorded.',
      'Finish its sign-in in the browser, if that is open.',
      1,
    );
  });
  if (words) return words;
  throw new SnowfenceError(
    'NO_TOKEN',
    `No snowfence connect for ${options.url.href} runs in this folder, and there is no token: this prompt was not recorded.`,
    'Let the client start connect with the same --url, or name a token by --token-file or --token-env.',
    1,
  );
}

/** Reads the prompt from standard input. Answers what is to be said, if anything. Throws a SnowfenceError where it was not recorded. */
export async function reportPrompt(options: TokenOptions, isPlain: boolean): Promise<string | undefined> {
  const { prompt, conversation, folder } = typedIn(await inputText(), isPlain);
  // Nothing was typed, so nothing is done about it.
  if (saidIn(prompt) === undefined) return undefined;
  const place = placeOf(folder);
  const { status, body } = await told(
    options,
    place,
    JSON.stringify({ prompt, place, ...(conversation === undefined ? {} : { conversation }) }),
  );
  if (status >= 200 && status < 300) {
    const answered = answerShape.safeParse(body).data;
    if (answered && answered.recorded < answered.characters)
      return `The record keeps the first ${answered.recorded} of the ${answered.characters} characters of this prompt.`;
    return undefined;
  }
  const problem = errorShape.safeParse(body).data?.error;
  const words = typeof problem === 'string' ? problem : problem?.message;
  throw new SnowfenceError(
    status === 401 ? 'TOKEN_REFUSED' : 'NOT_REPORTED',
    `The gateway at ${options.url.origin} did not record this prompt (${status})${words === undefined ? '' : `: ${words}`}`,
    status === 401 ? 'Get a new token, for the same client as the agent’s.' : undefined,
    1,
  );
}
