/**
 * Snowflake's REST protocol, as its drivers speak it: what they send and what they are answered, written down once. It knows neither HTTP
 * servers nor sessions nor SQL, decides nothing, and asks nobody: whoever answers drivers puts an answer together from these parts.
 */
export { type Asked, askedOf } from './addresses.js';
export { type QueryStatus, queryAnswer, statusAnswer } from './answer.js';
export { readBody } from './body.js';
export {
  binaryCell,
  booleanCell,
  type Cell,
  dateCell,
  realCell,
  timeCell,
  timestampCell,
  timestampTzCell,
} from './cells.js';
export { CHANGED, changeResult } from './changes.js';
export { type Chunk, chunkHeaders, packChunk } from './chunks.js';
export { COMPILER_CODES, type ErrorCode, REQUEST_CODES, RUN_CODES, SESSION_CODES } from './codes.js';
export {
  BINARY_LENGTH,
  fixedType,
  type SnowType,
  spellType,
  TEXT_LENGTH,
  textType,
  timestampType,
  typeOfName,
  type WireColumn,
  wireColumn,
} from './data-types.js';
export { bodyOf, type Envelope, failure, inProgress, sessionFailure, statusOf, success } from './envelope.js';
export {
  ambiguousColumn,
  cancelled,
  duplicateRow,
  emptyStatement,
  existingObject,
  expiredMaster,
  expiredSession,
  insufficientPrivileges,
  invalidIdentifier,
  invalidParameter,
  missingContainer,
  missingObject,
  missingPolicy,
  missingVariable,
  notExplained,
  notGrouped,
  notRunning,
  policyInUse,
  SnowflakeError,
  statementCount,
  syntaxError,
  timedOut,
  underMaskingPolicy,
  underMaterialized,
  underRowPolicy,
  unknownFunction,
  unknownSession,
  unknownStatement,
  unsetBind,
  wrongKind,
  wrongReturn,
  wrongRowReturn,
} from './errors.js';
export { Parameters } from './parameters.js';
export { type Bind, readAbort, readQuery } from './query.js';
export { localResult, type Result, STATEMENT_TYPE, SUCCESS, statusResult } from './result.js';
export {
  authenticatorOf,
  type LoginData,
  loginAnswer,
  loginFailure,
  readLogin,
  renewalAnswer,
  tokenOf,
} from './session.js';
