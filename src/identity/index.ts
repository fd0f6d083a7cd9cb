export { metadataProblem, providerFetch } from './discover.js';
export { openIssuerProblem } from './open-issuers.js';
export { type Principal, type TokenProblem, TokenRefused } from './principal.js';
export { type Person, SignIn, type SignInFlow, type SignInOptions, SignInRefused } from './sign-in.js';
export { DEFAULT_ALGORITHMS, type IssuerOptions, TokenVerifier } from './verifier.js';
