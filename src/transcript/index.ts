export type { Actor, ClientInfo, Event, EventKind, StoredEvent } from './event.js';
export { migrate, pendingMigrations } from './migrate.js';
export type { SessionSummary } from './reader.js';
export { type Recorder, RecorderUnavailable } from './recorder.js';
export { TranscriptStore } from './store.js';
