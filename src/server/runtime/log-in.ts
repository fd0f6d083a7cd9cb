/** Whether Snowflake lets the gateway in: looked at once at the start, and again now and then while it does not. */
import { LogInRefused, type Warehouse } from '../../warehouse/index.js';
import type { Logger } from '../report/log.js';

/** Seldom: a few wrong passwords within a quarter of an hour lock a user out (user-guide/admin-user-management, "MINS_TO_UNLOCK"). */
const AGAIN_MS = 5 * 60_000;

const HINT =
  'Statements are refused until this is mended: check snowflake.account, username and the credential in the configuration, or run snowfence doctor.';

/** Goes on until `signal`; answers whether Snowflake let us in at the start. Whoever can't be reached is no matter of this: that passes by itself. */
export async function watchLogIn(warehouse: Warehouse, log: Logger, signal: AbortSignal): Promise<boolean> {
  const look = async (): Promise<boolean> => {
    try {
      await warehouse.logIn();
      return true;
    } catch (error) {
      if (!(error instanceof LogInRefused))
        log.warn({ err: error }, 'Snowflake was not reachable; statements try again');
      else log.error({ problem: error.message, hint: HINT }, 'Snowflake refuses the log-in of this gateway');
      return false;
    }
  };
  const timer = setInterval(() => {
    if (warehouse.refusal !== undefined) void look();
  }, AGAIN_MS).unref();
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  return look();
}
