/** What the console is made with. */

import type { SignIn } from '../../identity/index.js';
import type { ApiParts } from '../api/route.js';
import type { PeopleOptions } from '../people/people.js';
import type { PageFacts } from './page.js';

export interface ConsoleOptions extends ApiParts {
  readonly publicUrl: URL;
  /** Where a request comes from is then what the proxy says. */
  readonly isBehindProxy: boolean;
  readonly facts: PageFacts;
  /** undefined where the configuration has no console: then there is a page that says so, and nothing else. */
  readonly signIn: SignIn | undefined;
  /** Hears of each sign-in that was refused, and writes some of them down: anybody may begin one. True where this one was. */
  readonly refused: (problem: string, address: string | undefined) => boolean;
  readonly people: Pick<PeopleOptions, 'lifetimeMs' | 'idleMs' | 'roles'>;
  readonly log: {
    readonly warn: (data: object, message: string) => void;
    readonly error: (data: object, message: string) => void;
  };
}
