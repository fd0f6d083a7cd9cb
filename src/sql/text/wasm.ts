/**
 * Imported before any parser that is WebAssembly is loaded. V8 compiles WebAssembly function by function, quickly at first (Liftoff), and
 * those that are used again by its optimising compiler (TurboFan). Of the parsers' large functions the second makes none faster that could be
 * measured, and costs each process that reads a few dozen statements 5 to 20 seconds of processor time on every core; a command can not end
 * before that is done. So the first stays: tiering by use is off (`wasm_dynamic_tiering` in V8's `flag-definitions.h`), and tiering without it
 * too (`wasm_tier_up`).
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--no-wasm-dynamic-tiering');
setFlagsFromString('--no-wasm-tier-up');
