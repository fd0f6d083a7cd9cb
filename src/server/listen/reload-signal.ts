/** Reloads of the policies that somebody asks the running process for. */
import type { Reloaded } from '../../policy/index.js';
import type { Logger } from '../report/log.js';
import type { Runtime } from '../runtime/runtime.js';

/** Takes the policies as they are now; what came of it is in the log, whoever asked. */
export async function reloadAs(runtime: Runtime, log: Logger, why: string): Promise<Reloaded> {
  const done = await runtime.policies.reload();
  log.info({ why, ...done }, done.isTaken ? 'policies were reloaded as asked' : 'a reload was asked for, and refused');
  return done;
}

/** From now on SIGHUP ends nothing; what was asked for before there is anything to reload is done then. */
export function reloadOnSignal(log: Logger): (runtime: Runtime) => void {
  let ready: Runtime | undefined;
  let isAsked = false;
  const reload = (): void => {
    isAsked = true;
    if (!ready) return;
    reloadAs(ready, log, 'SIGHUP').catch((error: unknown) => log.error({ err: error }, 'a reload failed'));
  };
  process.on('SIGHUP', reload);
  return (runtime) => {
    ready = runtime;
    if (isAsked) reload();
  };
}
