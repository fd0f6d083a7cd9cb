/**
 * Results as files: `GET /downloads/<id>`, opened once by the principal whose result it is. The file goes out in chunks (RFC 9112, section
 * 7.1): one that breaks off lacks the last of them, so that no client takes it for whole. How it ended stands in the trailer as well.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { MEDIA_TYPES } from '../../formats/index.js';
import { type Caller, type Denial, type Gateway, NotTaken, type OpenFile } from '../../gateway/index.js';
import { toldLine } from '../../visible-text/index.js';
import { turnAway } from '../reading.js';
import { sayingNo } from '../text.js';

const PATH = /^\/downloads\/([^/]+)$/;

/** What is handed to the connection at a time: a client that takes less than this within the limit of a stall takes nothing. */
const PART_BYTES = 64 * 1024;
/** Nobody takes longer than this. */
const LONGEST_MS = 3_600_000;

const NONE = {
  unknown: [404, 'UNKNOWN_DOWNLOAD', 'There is no such download of yours.'],
  opened: [
    410,
    'DOWNLOAD_OVER',
    'This download has been opened: a link is good for once. Run the statement again for another.',
  ],
  expired: [410, 'DOWNLOAD_OVER', 'This download was not opened within an hour. Run the statement again for another.'],
} as const;

/** Where it lies with us, or with what we need: to be tried again. */
const OUTAGES: ReadonlySet<string> = new Set([
  'RECORDER_UNAVAILABLE',
  'RECORD_IN_DOUBT',
  'WAREHOUSE_UNAVAILABLE',
  'MISCONFIGURED',
]);

const statusOf = ({ code }: Denial): number => (OUTAGES.has(code) ? 503 : code === 'LIMIT_REACHED' ? 429 : 403);

interface Problem {
  readonly code: string;
  readonly message: string;
}

const HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const;

/** Whose text it is, is told elsewhere. */
const toldOf = ({ isOurs: _, ...told }: (Problem | Denial) & { readonly isOurs?: true }): object =>
  sayingNo(told, toldLine);

function tell(
  response: ServerResponse,
  status: number,
  error: Problem | Denial,
  more: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...HEADERS, ...more });
  response.end(JSON.stringify({ error: toldOf(error) }));
}

/** The id of the download that a path names; undefined for every other path. */
export const downloadOf = (pathname: string): string | undefined => PATH.exec(pathname)?.[1];

export class Downloads implements AsyncDisposable {
  readonly #gateway: Gateway;
  readonly #underWay = new Map<Promise<void>, AbortController>();

  constructor(gateway: Gateway) {
    this.#gateway = gateway;
  }

  async answer(request: IncomingMessage, response: ServerResponse, caller: Caller, id: string): Promise<void> {
    if (request.method === 'HEAD') return this.#look(response, caller, id);
    if (request.method !== 'GET')
      return tell(response, 405, { code: 'METHOD', message: 'Method not allowed. Send GET.' }, { allow: 'GET, HEAD' });
    // Without chunks a file that broke off looks like a whole one.
    if (request.httpVersion === '1.0')
      return tell(response, 505, {
        code: 'HTTP_VERSION',
        message:
          'Downloads need HTTP/1.1. Nothing was given out. A proxy in between may have to be told (nginx: proxy_http_version 1.1).',
      });
    const { admission } = this.#gateway;
    const place = admission.download(caller.principal);
    if (!(Symbol.dispose in place)) return turnAway(admission, request, response, place);
    const controller = new AbortController();
    const giving = this.#give(response, caller, id, controller);
    this.#underWay.set(giving, controller);
    try {
      await giving;
    } finally {
      this.#underWay.delete(giving);
      place[Symbol.dispose]();
    }
  }

  /** HEAD: what GET would say, as far as it can be told without using anything up. */
  async #look(response: ServerResponse, caller: Caller, id: string): Promise<void> {
    const { state, format } = await this.#gateway.lookAtDownload(caller, id);
    const status = state === 'kept' ? 200 : state === 'unavailable' ? 503 : NONE[state][0];
    response.writeHead(status, { 'content-type': format ? MEDIA_TYPES[format] : 'application/json', ...HEADERS });
    response.end();
  }

  async #give(response: ServerResponse, caller: Caller, id: string, controller: AbortController): Promise<void> {
    const gone = (): void => controller.abort(new NotTaken('client_gone'));
    response.once('close', gone);
    const late = setTimeout(() => controller.abort(new NotTaken('stalled')), LONGEST_MS).unref();
    try {
      const opening = await this.#gateway.openDownload(caller, id, controller.signal);
      if (opening.kind === 'none') {
        const [status, code, message] = NONE[opening.state];
        return tell(response, status, { code, message });
      }
      if (opening.kind === 'not opened') {
        const { denial, error } = opening;
        if (denial) return tell(response, statusOf(denial), denial);
        const isGone = error?.code === 'RESULT_GONE';
        return tell(
          response,
          isGone ? 410 : error?.code === 'CANCELLED' ? 503 : 500,
          error ?? { code: 'INTERNAL', message: '' },
        );
      }
      await this.#send(response, opening.file, controller);
    } finally {
      clearTimeout(late);
      response.off('close', gone);
    }
  }

  async #send(response: ServerResponse, file: OpenFile, controller: AbortController): Promise<void> {
    const { format, rows, isCut } = file;
    response.writeHead(200, {
      'content-type': MEDIA_TYPES[format],
      'content-disposition': `attachment; filename="result-${file.statementId.slice(0, 8)}.${format}"`,
      'accept-ranges': 'none',
      ...(rows === undefined ? {} : { 'snowfence-rows': String(rows) }),
      ...(isCut ? { 'snowfence-truncated': 'row_limit' } : {}),
      trailer: 'Snowfence-End, Snowfence-Rows-Given',
      ...HEADERS,
    });
    const given = await file.send((bytes) => this.#write(response, bytes, controller));
    const isEnded = given.end === 'whole' || given.end === 'row_limit' || given.end === 'byte_limit';
    if (!isEnded) {
      response.destroy();
      return;
    }
    response.addTrailers({ 'Snowfence-End': given.end, 'Snowfence-Rows-Given': String(given.rows) });
    await new Promise<void>((resolve) => {
      const stalled = setTimeout(() => response.destroy(), this.#gateway.admission.limits.downloadStallMs);
      response.once('close', () => {
        clearTimeout(stalled);
        resolve();
      });
      response.end(() => {
        clearTimeout(stalled);
        resolve();
      });
    });
  }

  /** Part by part, each once the client has taken the one before. Throws NotTaken. */
  async #write(response: ServerResponse, bytes: Uint8Array, controller: AbortController): Promise<void> {
    for (let at = 0; at < bytes.length; at += PART_BYTES) {
      controller.signal.throwIfAborted();
      if (!response.write(bytes.subarray(at, at + PART_BYTES))) await this.#drained(response, controller);
    }
  }

  #drained(response: ServerResponse, controller: AbortController): Promise<void> {
    const { signal } = controller;
    return new Promise((resolve, reject) => {
      const ended = (): void => {
        clearTimeout(stalled);
        response.off('drain', onDrain);
        signal.removeEventListener('abort', onAbort);
      };
      const onDrain = (): void => {
        ended();
        resolve();
      };
      const onAbort = (): void => {
        ended();
        reject(signal.reason);
      };
      const { downloadStallMs } = this.#gateway.admission.limits;
      const stalled = setTimeout(() => controller.abort(new NotTaken('stalled')), downloadStallMs);
      response.once('drain', onDrain);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Whatever is under way is broken off, and recorded so. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const controller of this.#underWay.values()) controller.abort(new NotTaken('stopped'));
    await Promise.allSettled(this.#underWay.keys());
  }
}
