/** The way down: the signal, running statements, the last outcomes. */
import type { Config } from '../../config/index.js';
import type { Logger } from '../report/log.js';
import type { Runtime } from '../runtime/runtime.js';

const DRAIN_CHECK_MS = 50;

/** Whether somebody who has asked for the end does not want to wait for it. */
export interface Haste {
  readonly isOn: boolean;
}

/**
 * Waits for SIGTERM, SIGINT, or the end of the process that started us and asked to be followed. A second one shortens what is waited for, and
 * not the record: no signal but SIGKILL ends a gateway before its last outcomes are written.
 */
export function stopSignal(log: Logger): Promise<Haste> {
  return new Promise((resolve) => {
    const haste = { isOn: false };
    let isAsked = false;
    const stop = (why: string): void => {
      if (!isAsked) log.info({ why }, 'snowfence is stopping');
      else if (!haste.isOn) {
        haste.isOn = true;
        log.warn({ why }, 'asked to stop once more: statements that still run are cancelled now');
      }
      isAsked = true;
      resolve(haste);
    };
    process.on('SIGTERM', () => stop('SIGTERM'));
    // Started by `demo`, Ctrl-C reaches us as well as it: it decides when we stop.
    if (process.send) {
      process.on('SIGINT', () => undefined);
      process.once('disconnect', () => stop('the parent is gone'));
    } else {
      process.on('SIGINT', () => stop('SIGINT'));
    }
  });
}

/** Lets running statements end for as long as the configuration says; what runs then is cancelled, and recorded so. */
export async function drain(config: Config, runtime: Runtime, log: Logger, haste: Haste): Promise<void> {
  if (config.shutdown.running === 'cancel') return;
  const until = Date.now() + config.shutdown.graceMs;
  while (runtime.gateway.running > 0 && Date.now() < until && !haste.isOn)
    await new Promise((resolve) => setTimeout(resolve, DRAIN_CHECK_MS));
  if (runtime.gateway.running > 0 && !haste.isOn)
    log.warn({ running: runtime.gateway.running }, 'statements are cancelled: their time to end is over');
}

/** The last outcomes are written before the store is closed. */
export async function quiet(runtime: Runtime): Promise<void> {
  runtime.gateway.cancelAll();
  const until = Date.now() + 5000;
  while (runtime.gateway.running > 0 && Date.now() < until)
    await new Promise((resolve) => setTimeout(resolve, DRAIN_CHECK_MS));
}
