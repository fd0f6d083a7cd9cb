/**
 * What comes over the network and whom we speak to: which addresses may be spoken to and how, who sent a request, JSON that is measured
 * before it is built. It opens no connection of its own but by `safeFetch`.
 */
export { addressProblem, checksCertificates, isLoopback, networkOf, safeFetch, senderOf } from './addresses.js';
export { JsonProblem, parseBounded } from './bounded-json.js';
