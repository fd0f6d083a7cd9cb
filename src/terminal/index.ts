/** What is printed: styles, tables, events as people read them. Whatever others wrote goes through `terminalText`; nothing here asks anybody. */
export { linesOf, renderEvents, rendering } from './events.js';
export { pasteable, quoted, startedAs } from './started.js';
export {
  columnsOf,
  folded,
  outputText,
  printable,
  progressLine,
  type Style,
  styleFor,
  table,
  terminalText,
  titled,
} from './terminal.js';
