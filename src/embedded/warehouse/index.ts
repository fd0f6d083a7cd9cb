/**
 * A stand-in for Snowflake, for the demo and the tests: it answers drivers as Snowflake does and runs their SQL on DuckDB, in a process of
 * its own. It proves nothing about Snowflake, and `serve` never loads it.
 */
export type { User } from './serve/login.js';
export { DEFAULT_OPTIONS, type WarehouseOptions } from './serve/options.js';
export { Warehouse } from './serve/server.js';
