export type { CatalogObject, CatalogRelation } from './catalog.js';
export { isOwnQuestion, type PoolKey, SETUP_TAG } from './connection.js';
export { loadDriver, parseVariant } from './driver.js';
export { NO_WORDS, type OwnWords, type Place } from './error-text.js';
export type { HistoryEntry } from './history.js';
export { StatementCancelled, StatementFailed, type WarehouseOptions, WarehouseUnavailable } from './options.js';
export type { RunResult } from './run.js';
export { exactNumber, type Json } from './value.js';
export { Warehouse } from './warehouse.js';
