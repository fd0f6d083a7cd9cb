/** What a mistyped word was meant for. */

/** Edits that turn one word into the other (Levenshtein); where they are more than `most`, some number above that. */
export function distance(left: string, right: string, most = Number.POSITIVE_INFINITY): number {
  if (Math.abs(left.length - right.length) > most) return most + 1;
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++)
      next.push(
        Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1)),
      );
    row = next;
    if (most !== Number.POSITIVE_INFINITY && Math.min(...row) > most) return most + 1;
  }
  return row.at(-1) ?? 0;
}

/** All keys of a policy file. */
const KEYS = [
  'policy',
  'description',
  'principals',
  'issuer',
  'groups',
  'subjects',
  'claims',
  'except',
  'hours',
  'snowflake',
  'role',
  'warehouse',
  'rules',
  'allow',
  'deny',
  'approve',
  'on',
  'reason',
  'when',
  'by',
  'columns',
  'match',
  'mask',
  'rows',
  'where',
  'functions',
  'views',
  'trusted',
  'virtual_columns',
  'detect',
  'find',
  'pattern',
  'secure_view',
  'write_masked',
  'limits',
  'result_bytes',
  'timeout',
  'statements_per_hour',
  'concurrent',
  'bytes_scanned_per_statement',
  'bytes_scanned_per_day',
  'no_where',
  'purpose_missing',
  'function',
  'bytes_scanned_over',
  'rows_affected_over',
  'description',
  'count',
  'within',
  'tolerance',
  'timezone',
  'between',
  'days',
  'record',
  'purpose',
  'results',
];

/** What an unknown key was meant for, to be said behind it; nothing where none is near. */
export function suggestion(key: string): string {
  const best = KEYS.map((known) => ({ known, edits: distance(key, known) })).sort((a, b) => a.edits - b.edits)[0];
  return best && best.edits <= 2 ? ` Did you mean "${best.known}"?` : '';
}
