/** What the first statement would wait for, done before it comes: parsers at work, issuers' keys, a connection of each role, a plan. */
import { warmJudging } from '../../gateway/index.js';
import type { TokenVerifier } from '../../identity/index.js';
import type { Policy } from '../../policy/index.js';
import type { Warehouse } from '../../warehouse/index.js';
import type { Logger } from '../report/log.js';
import { watchLogIn } from './log-in.js';

/** Of so many roles; whoever has more of them opens the others' connections as they are asked for. */
const ROLES = 8;
/** Of a role's tables so many are looked up. */
const TABLES = 4;
/** What is not warm by then gets so while it works: nobody is kept away by a warehouse or an issuer that does not answer. */
const LONGEST_MS = 10_000;

export interface Warming {
  /** Over once all was tried, or the time for it has passed. */
  readonly isOn: boolean;
  readonly over: Promise<void>;
}

interface WarmParts {
  readonly warehouse: Warehouse;
  readonly verifier: TokenVerifier;
  readonly policies: readonly Policy[];
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Those that the policy names wholly: an agent's first question is likely to be about one of them. */
const tablesOf = (rows: Policy['rows']) =>
  rows
    .flatMap(({ on: { literals } }) => {
      const [database, schema, name] = literals;
      return database !== undefined && schema !== undefined && name !== undefined ? [{ database, schema, name }] : [];
    })
    .slice(0, TABLES);

/** Also looks whether Snowflake lets the gateway in, and goes on with that until `signal`. What can't be made warm is logged and hinders nothing. */
export function warmUp({ warehouse, verifier, policies, log, signal }: WarmParts): Warming {
  const connections = async (): Promise<void> => {
    // A log-in that was refused is not tried by every role as well: that locks a user out.
    if (!(await watchLogIn(warehouse, log, signal))) return;
    const distinct = new Map(policies.map((policy) => [JSON.stringify([policy.role, policy.warehouse]), policy]));
    await Promise.all(
      [...distinct.values()].slice(0, ROLES).map(async ({ role, warehouse: name, rows }) => {
        const key = { role, warehouse: name };
        try {
          if (signal.aborted) return;
          await warehouse.warm(key);
          for (const table of tablesOf(rows)) {
            await warehouse.catalog.relation(key, table);
            // A plan, as each statement's is asked for before it runs: nothing is scanned for it (documentation page sql/explain).
            await warehouse.wholeSize(key, table);
          }
        } catch (error) {
          if (!signal.aborted) log.warn({ err: error, ...key }, 'no connection of this role; statements try again');
        }
      }),
    );
  };
  /** A failure is tried anew with the first token. */
  const issuers = async (): Promise<void> => {
    for (const { issuer, problem } of await verifier.check())
      if (problem !== undefined && !signal.aborted)
        log.warn({ issuer, problem }, 'an identity provider can not be asked: its tokens are refused until it can');
  };
  const all = Promise.all([
    connections(),
    issuers(),
    warmJudging().catch((error: unknown) => log.error({ err: error }, 'a first judgement failed')),
  ]);
  let isOn = true;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, LONGEST_MS).unref();
  });
  const over = Promise.race([all, late]).then(() => {
    clearTimeout(timer);
    isOn = false;
  });
  return {
    get isOn() {
      return isOn;
    },
    over,
  };
}
