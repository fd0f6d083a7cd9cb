/**
 * The record: what happened, written down before it is done, signed, and whether it is still what was written. Its folders, lowest first:
 * `form/` (events byte for byte), `store/` (PostgreSQL), `rows/` (rows under an HMAC), `read/`, `write/`, `checks/` (what must hold of
 * events), `verify/` (the whole of it), `keep/` (notary, archives, holds), `deliver/` (followers, webhooks).
 * It never judges a statement, never reaches the warehouse, and never changes an event that was written.
 */
export { type DeadLetter, type DeliveryState, deadLetters, deliveryStates, retryDead } from './deliver/dead-letters.js';
export { DELIVERY_CONNECTIONS, Delivery } from './deliver/delivery.js';
export { type Followed, follow, newestSequence } from './deliver/follow.js';
export { isToldAsOcsf, toOcsf } from './deliver/ocsf.js';
export { type Reached, reached } from './deliver/reached.js';
export { type Payload, payloadOf, post, readWebhookSecret, type Webhook } from './deliver/webhook.js';
export { canonical } from './form/canonical.js';
export {
  type End,
  endOf,
  isExplained,
  joinedOf,
  readEnd,
  WITHDRAWALS,
  type Withdrawal,
  type WithdrawalCode,
  withdrawalOf,
} from './form/end.js';
export {
  type Actor,
  type ClientInfo,
  EVENT_KINDS,
  type Event,
  type EventKind,
  type Lease,
  parsed,
  type RawEvent,
  type StoredEvent,
} from './form/event.js';
export { timeOfId, timeOrderedId } from './form/ids.js';
export {
  newSealingKey,
  originOf,
  publicPart,
  type RecordKeys,
  readSealingKey,
  readSigningKey,
  signWith,
  trustedKeys,
  type VerifierKey,
} from './form/keys.js';
export { decodeVerifierKey, isOrigin, verifierKeyOf } from './form/note.js';
export { archive } from './keep/archive.js';
export { type CheckpointPlace, Checkpoints } from './keep/checkpoints.js';
export { countKeys, type Erasure, eraseKeys, issuersToErase, keyCounts, rotateKeys } from './keep/erase.js';
export { type Hold, holds, liftHold, placeHold } from './keep/holds.js';
export { Maintenance } from './keep/maintenance.js';
export { NotaryWatch } from './keep/notary-watch.js';
export { ensurePartitions } from './keep/partitions.js';
export { EVENT_COLUMNS } from './read/columns.js';
export { type Sums, sums } from './read/counted.js';
export { eventLine, exportLines } from './read/export.js';
export { type AgentSummary, type Extract, Overview, type ShownStatement } from './read/overview.js';
export { Unproved } from './read/proved.js';
export { type SessionSummary, sessionSummary, TranscriptReader } from './read/reader.js';
export {
  type Found,
  type FoundStatement,
  foundStatement,
  search,
  shownStatement,
  timeOf,
} from './read/search.js';
export { endsWithOurs, FirstOnly, isOurs, oursAmong, type Proving } from './read/signed-events.js';
export { SearchProblem } from './read/sought.js';
export { ownRows, Strangers } from './rows/own.js';
export { APPROVAL_BYTES, OwnApprovals, type OwnFound } from './rows/own-approvals.js';
export type { Taken } from './rows/scan-budgets.js';
export { asBytes, asTime, bytesOf, type JsonRow, type Read, SealedRows } from './rows/sealed.js';
export { withClient } from './store/client.js';
export { connectionTo, databaseFiles, databaseProblem, isPlainDatabase, plainDatabase } from './store/database.js';
export { pendingMigrations } from './store/migrate.js';
export { storePool } from './store/pool.js';
export type { StoreRoles } from './store/rights.js';
export { excessPrivileges, type StoreUrls, setUpStore, userOf } from './store/setup.js';
export { isUnreachable, refusedForGood } from './store/unreachable.js';
export { TranscriptStore } from './transcript-store.js';
export { verifyExport } from './verify/export.js';
export { ensureHolds } from './verify/holds.js';
export type { KeptCheckpoint, VerifyReport } from './verify/report.js';
export { stateProblems } from './verify/state.js';
export { storeProblems, verifyStore } from './verify/store.js';
export { type Content, contentDigest } from './write/contents.js';
export { RecorderUnavailable, RecordInDoubt } from './write/failures.js';
export type { PromptReport, Untied } from './write/prompts.js';
export type { Recorder } from './write/recorder.js';
export { Vault } from './write/vault.js';
