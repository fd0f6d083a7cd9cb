/**
 * Snowflake, as the gateway sees it: what exists there, what a statement would read, its rows, its end, what is remembered of it. Only this
 * room holds the driver and the credential. It never decides whether a statement may run, and tells of an error only what may be told.
 */
export type { CatalogObject } from './catalog/objects.js';
export type { CatalogRelation } from './catalog/relation.js';
export { isOwnQuestion, type PoolKey, SETUP_TAG } from './connection/connection.js';
export { loadDriver, parseVariant } from './connection/driver.js';
export { exactNumber } from './connection/number.js';
export type { ProxyServer, ReadToken, WarehouseOptions } from './connection/options.js';
export { ownQuestion, TEXT } from './connection/own-questions.js';
export { SESSION_PARAMETERS, sessionValues } from './connection/session-state.js';
export { LogInRefused, StatementCancelled, StatementFailed, WarehouseUnavailable } from './errors/failures.js';
export { NO_WORDS, type OwnWords, type Place } from './errors/text.js';
export type { HistoryEntry } from './run/history.js';
export { planName } from './run/plan-names.js';
export type { PageSize } from './run/result.js';
export type { RunResult } from './run/statement.js';
export { CommitUnknown, changedRows } from './run/transaction.js';
export type { Json } from './run/value.js';
export { Warehouse } from './warehouse.js';
