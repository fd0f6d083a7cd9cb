/**
 * MCP over standard input and output, for the one client that started this process: how long it is served. It knows neither what is served
 * nor to whom, and writes nothing of its own to standard output.
 */
export { serveUntilEnd } from './serve.js';
