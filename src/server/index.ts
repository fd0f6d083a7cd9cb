/**
 * The process: rooms put together, listening, metrics, log, stopping. It judges nothing and holds nothing that another replica would miss.
 */
export { serveHttp } from './listen/http.js';
export { reloadRunning } from './listen/reload.js';
export { serveOnStdio } from './listen/stdio.js';
export { payloadFor, testPayload } from './report/notify.js';
export { previewFor } from './report/preview.js';
