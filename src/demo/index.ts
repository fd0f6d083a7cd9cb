/** The demo and its tour: a gateway beside its own warehouse, store and identity provider, on this machine alone. Nothing here is loaded by `serve`. */
export { runDemo } from './run-demo.js';
