export { canonical } from './canonical.js';
export { type CheckpointPlace, Checkpoints, trustedKeys, verifierKeyOf } from './checkpoints.js';
export { withClient } from './client.js';
export { connectionTo, databaseProblem, isPlainDatabase, plainDatabase } from './database.js';
export { type DeadLetter, type DeliveryState, deadLetters, deliveryStates, retryDead } from './dead-letters.js';
export { DELIVERY_CONNECTIONS, Delivery } from './delivery.js';
export { countKeys, type Erasure, eraseKeys, issuersToErase, keyCounts, rotateKeys } from './erase.js';
export { type Actor, type ClientInfo, EVENT_KINDS, type Event, type EventKind, type StoredEvent } from './event.js';
export { eventLine, exportLines } from './export.js';
export { type Followed, follow, newestSequence } from './follow.js';
export { ensureHolds } from './holds.js';
export { timeOfId, timeOrderedId } from './ids.js';
export {
  newSealingKey,
  originOf,
  publicPart,
  type RecordKeys,
  readSealingKey,
  readSigningKey,
  signWith,
  type VerifierKey,
} from './keys.js';
export { ensurePartitions, Maintenance } from './maintenance.js';
export { pendingMigrations } from './migrate.js';
export { NotaryWatch } from './notary-watch.js';
export { decodeVerifierKey, isOrigin } from './note.js';
export { toOcsf } from './ocsf.js';
export { type AgentSummary, type Extract, Overview, type ShownStatement } from './overview.js';
export { APPROVAL_BYTES, OwnApprovals, type OwnFound } from './own-approvals.js';
export { ownRows, Strangers } from './own-rows.js';
export { Unproved } from './proved.js';
export { EVENT_COLUMNS, type RawEvent, type SessionSummary, sessionSummary, TranscriptReader } from './reader.js';
export { type Recorder, RecorderUnavailable, RecordInDoubt } from './recorder.js';
export { archive, type Hold, holds, liftHold, placeHold } from './retention.js';
export type { StoreRoles } from './rights.js';
export type { Taken } from './scan-budgets.js';
export { asBytes, asTime, bytesOf, type JsonRow, type Read, SealedRows } from './sealed-rows.js';
export {
  type Found,
  type FoundStatement,
  foundStatement,
  SearchProblem,
  search,
  shownStatement,
  timeOf,
} from './search.js';
export { excessPrivileges, type StoreUrls, setUpStore, userOf } from './setup.js';
export { endsWithOurs, FirstOnly, isOurs, type Proving } from './signed-events.js';
export { storePool, TranscriptStore } from './store.js';
export { Vault } from './vault.js';
export type { KeptCheckpoint, VerifyReport } from './verify.js';
export { verifyExport } from './verify-export.js';
export { stateProblems } from './verify-state.js';
export { storeProblems, verifyStore } from './verify-store.js';
export { type Payload, payloadOf, post, readWebhookSecret, type Webhook } from './webhook.js';
