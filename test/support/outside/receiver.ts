/** Somebody who takes webhooks, and checks each as the Standard Webhooks specification tells receivers to. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';

export interface Received {
  readonly id: string;
  readonly body: string;
  readonly payload: { readonly type: string; readonly timestamp: string; readonly data: Record<string, unknown> };
}

export class Receiver implements AsyncDisposable {
  readonly received: Received[] = [];
  readonly problems: string[] = [];
  /** How the next requests are answered; 204 when there is none left. */
  readonly answers: (number | { readonly location: string })[] = [];
  readonly #server: Server;
  readonly url: string;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.url = `http://127.0.0.1:${port}/hook`;
  }

  static async start(secret: Buffer): Promise<Receiver> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const receiver = new Receiver(server, typeof address === 'object' && address ? address.port : 0);
    server.on('request', (request: IncomingMessage, response) => {
      let body = '';
      request.on('data', (part: Buffer) => {
        body += part.toString();
      });
      request.on('end', () => {
        const answer = receiver.answers.shift() ?? 204;
        if (typeof answer === 'number') {
          if (answer < 300) receiver.#take(request, body, secret);
          response.writeHead(answer).end();
        } else response.writeHead(307, answer).end();
      });
    });
    return receiver;
  }

  #take({ headers, method }: IncomingMessage, body: string, secret: Buffer): void {
    const [id, timestamp, signature] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) =>
      String(headers[name]),
    );
    const expected = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest();
    const given = Buffer.from(signature?.replace(/^v1,/, '') ?? '', 'base64');
    if (method !== 'POST' || given.length !== expected.length || !timingSafeEqual(given, expected))
      this.problems.push(`${id} is not signed`);
    if (Math.abs(Date.now() / 1000 - Number(timestamp)) > 300) this.problems.push(`${id} is of another time`);
    this.received.push({ id: id ?? '', body, payload: JSON.parse(body) as Received['payload'] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
