export type { User } from './login.js';
export { DEFAULT_OPTIONS, Warehouse, type WarehouseOptions } from './server.js';
