export { type Principal, type TokenProblem, TokenRefused } from './principal.js';
export { DEFAULT_ALGORITHMS, type IssuerOptions, TokenVerifier } from './verifier.js';
