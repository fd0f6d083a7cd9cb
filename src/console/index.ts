export type { PageFacts } from './page.js';
export type { Role } from './people.js';
export { Console, type ConsoleOptions } from './server.js';
