/**
 * What is wrong with a value that somebody wrote, in a sentence: where it is, what stands there, what has to, and what a mistyped word was
 * meant for. The one place that makes these sentences, for policies, cases, the configuration, tools' arguments and the console's requests.
 * Never shows a text that has not the form it should have: a secret may stand where its name belongs.
 */
export { type Mistake, oddlyShaped, type Read, readValue } from './read.js';
export { type Place, type Problem, Source } from './source.js';
