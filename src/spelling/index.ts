/**
 * How far words are from each other, for whoever mistyped one: names of tables, keys of a file. It holds no list of words of its own, and
 * changes none: what it finds is said to people and agents, never taken instead.
 */
export { closest, distance } from './distance.js';
