/**
 * A real OpenID provider for the demo and the tests, with its people and clients. It listens on this machine alone, and `serve` never loads it.
 */
export type { IssuedClient } from './identity.js';
export { CLI_CLIENT, CONSOLE_CLIENT, IdentityProvider, SCOPE } from './provider.js';
