/** A gateway's connections to an embedded warehouse. */
import { Warehouse } from '../../dist/warehouse/index.js';

/** `more`: what is otherwise; without EXPLAIN before each statement where it does not say so. */
export const warehouseAt = (accessUrl, password, more = {}) =>
  new Warehouse({
    account: 'demo',
    accessUrl,
    username: 'SNOWFENCE',
    auth: { kind: 'password', password },
    database: undefined,
    schema: undefined,
    poolSize: 4,
    connectTimeoutMs: 60_000,
    confirm: 'off',
    ...more,
  });
