export { CLI_CLIENT, IdentityProvider, type IssuedClient, SCOPE } from './provider.js';
