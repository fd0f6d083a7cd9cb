/**
 * Who is calling: tokens to principals (discovery, keys, audiences, claims), and people who sign in with their provider. It decides nothing of
 * what they may do, and keeps no session.
 */
export { metadataProblem, providerFetch } from './discover.js';
export { openIssuerProblem } from './open-issuers.js';
export { type Principal, type TokenProblem, TokenRefused } from './principal.js';
export { type Person, SignIn, type SignInFlow, type SignInOptions, SignInRefused } from './sign-in.js';
export { DEFAULT_ALGORITHMS, type IssuerOptions, TokenVerifier } from './verifier.js';
