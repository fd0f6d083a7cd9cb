/**
 * The console: pages on which people sign in, see what agents do, and decide what waits for them; `/api` for the same by program. It decides
 * no statement by itself and changes no policy: it asks the rooms whose that is, and shows what they say.
 */
export type { ConsoleOptions } from './http/options.js';
export type { PageFacts } from './http/page.js';
export { Console } from './http/server.js';
export type { Role } from './people/people.js';
