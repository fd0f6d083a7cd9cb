export type { IssuedClient } from './identity.js';
export { CLI_CLIENT, CONSOLE_CLIENT, IdentityProvider, SCOPE } from './provider.js';
