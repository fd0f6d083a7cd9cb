/**
 * The process: rooms put together, listening, metrics, log, stopping. It judges nothing and holds nothing that another replica would miss.
 */
export { payloadFor, testPayload } from './notify.js';
export { previewFor } from './preview.js';
export { reloadRunning } from './reload.js';
export { serveHttp, serveOnStdio } from './serve.js';
