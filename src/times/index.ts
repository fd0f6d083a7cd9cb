/**
 * Moments as people read them: date, time and zone, alike on the command line, in the console, in chats and in agents' answers. It never
 * asks what time it is, and what machines read (ISO 8601) is not made here.
 */
export { MOMENT_WIDTH, moment, momentHere, zoneHere } from './moment.js';
