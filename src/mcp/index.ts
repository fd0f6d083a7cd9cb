export { type HttpOptions, McpHttp } from './http.js';
export { makeServer, type ServerParts } from './server.js';
