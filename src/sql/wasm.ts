/**
 * Imported before any parser that is WebAssembly is loaded. Node 20's V8 (11.3) has a function optimised once some 1.8 MB of it were executed;
 * V8 12, in Node 22 and later, waits for 13 MB (`wasm_tiering_budget` in V8's `flag-definitions.h`). With the parsers' large functions the
 * earlier border means that each process spends more on optimising, when it starts, than on what it was started for, and that a command can
 * not end before that is done. So Node 20 takes the later one; what stays hot is optimised all the same.
 */
import { setFlagsFromString } from 'node:v8';

const BUDGET = 13_000_000;

if (Number(process.versions.node.split('.')[0]) < 22) setFlagsFromString(`--wasm-tiering-budget=${BUDGET}`);
