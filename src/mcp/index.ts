/**
 * The door for agents that speak the Model Context Protocol: who calls, which tool, and its answer in words and names of the protocol. It
 * decides nothing about a statement (the gateway does), and keeps nothing of one.
 */
export { type HttpOptions, McpHttp } from './http.js';
export { makeServer, type ServerParts } from './server.js';
