/** Who is next: turns for all that wait, and the more for nobody the more principals are here. It knows no statement and no policy. */
export { FairGate } from './fair.js';
export { Moment } from './moment.js';
export { Shares } from './shares.js';
