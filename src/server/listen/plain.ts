/** What is answered to whoever looks after the process: health, readiness, metrics. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Config } from '../../config/index.js';
import { VERSION } from '../../config/version.js';
import type { Runtime } from '../runtime/runtime.js';

function policyState({ policies }: Runtime): string {
  if (policies.problem() !== undefined) return 'last good set in force';
  return policies.held() === undefined ? 'ok' : 'held back';
}

function warehouseState({ warehouse: { reached } }: Runtime): string {
  if (reached === undefined) return 'not asked yet';
  return reached.isThere ? 'ok' : 'unreachable';
}

export async function answerPlain(
  config: Config,
  runtime: Runtime,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', config.publicUrl);
  const json = (status: number, body: object): void => {
    response
      .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
      .end(JSON.stringify(body));
  };
  if (request.method !== 'GET' && request.method !== 'HEAD') return json(405, { error: 'Only GET is answered here.' });
  switch (pathname) {
    case '/healthz':
      return json(200, { status: 'ok', version: VERSION });
    case '/readyz': {
      const store = await runtime.transcript.ping().then(
        () => 'ok',
        () => 'unreachable',
      );
      // Where nothing is run any more, others have to be asked, and somebody has to look.
      const { integrityProblem: problem, goesOnInDoubt } = runtime.transcript;
      const { refusal, reached } = runtime.warehouse;
      const { warming } = runtime;
      const isReady =
        store === 'ok' && refusal === undefined && !warming.isOn && (problem === undefined || goesOnInDoubt);
      return json(isReady ? 200 : 503, {
        transcript: store,
        // One that is away is so for all replicas: that takes none of them from whoever sends agents here.
        warehouse: refusal ?? warehouseState(runtime),
        ...(reached === undefined ? {} : { warehouse_asked_at: reached.at.toISOString() }),
        ...(warming.isOn ? { warming: true } : {}),
        ...(problem === undefined ? {} : { integrity: problem }),
        policies: policyState(runtime),
        // Statements go on: what is in the record is there for whoever is told late.
        ...(runtime.delivery.behind === 0 ? {} : { webhooks: 'behind' }),
      });
    }
    case '/metrics':
      response
        .writeHead(200, { 'content-type': runtime.metrics.registry.contentType })
        .end(await runtime.metrics.registry.metrics());
      return;
    case '/':
      response.writeHead(302, { location: '/console' }).end();
      return;
    default:
      return json(404, { error: 'There is nothing at this address.' });
  }
}
