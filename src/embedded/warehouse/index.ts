export type { User } from './serve/login.js';
export { DEFAULT_OPTIONS, Warehouse, type WarehouseOptions } from './serve/server.js';
