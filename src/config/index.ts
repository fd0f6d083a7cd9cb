/**
 * The configuration: its schema by section, read once and whole, secrets by reference, problems told with place and remedy. It opens no
 * connection. Three of its files are doors of their own, since they load nothing else: `new-secrets.ts`, `problem.ts`, `version.ts`.
 */
export { type Config, loadConfig } from './config.js';
