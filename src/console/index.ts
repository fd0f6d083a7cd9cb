export type { PageFacts } from './http/page.js';
export { Console, type ConsoleOptions } from './http/server.js';
export type { Role } from './people.js';
