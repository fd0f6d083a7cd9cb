/**
 * Tools by the names that clients know them by: what we write of one says "the … tool", and `tools.prefix` is put before its name here, on
 * the way out, wherever that stands.
 */
const MENTION = /\b(query|fetch|describe|explain|approval|whoami)(?= tool\b)/g;

/** A text of ours, with the prefix before each tool that it names; texts of others never come this way. */
export const naming =
  (prefix: string) =>
  (text: string): string =>
    prefix === '' ? text : text.replaceAll(MENTION, `${prefix}$1`);
