/**
 * One statement's way, from a principal's text to the answer: judged, asked about, recorded, run, masked, recorded again. It never speaks
 * to an agent (the doors do), never signs (the transcript does), and holds no connection (the warehouse does).
 */
export { type Denial, readMasks, showRows } from '../policy/index.js';
export type { Answer, Notice, QueryRequest, Reported } from './answer/answer.js';
export { Gateway } from './gateway.js';
export { Judge } from './judge/judge.js';
export type { Judged } from './judge/judged.js';
export { warmJudging } from './judge/warm.js';
export type { Caller } from './judge/whose.js';
export { DEFAULT_LIMITS, type Limits, type TurnedAway } from './limits/admission.js';
export { NotTaken, type OpenFile } from './open-download.js';
export type { Counters } from './record/counters.js';
export { HISTORY_KEEPS, type Step, sha256 } from './record/intent.js';
export { LostDownloads } from './record/lost-downloads.js';
export { previewOf, type RecordMask, recordMask } from './record/recorded.js';
export { settle } from './record/settle.js';
export { endingOf, readTag, statementOfTag, tracesOf } from './record/traces.js';
export type { VisiblePlace } from './show/visible.js';
