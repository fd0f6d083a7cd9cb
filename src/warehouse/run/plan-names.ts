/**
 * What EXPLAIN names in `objects` (documentation pages sql/explain, user-guide/security-row-intro, user-guide/views-materialized). A name in full,
 * quoted where it has to be, is the rule. Besides: a table under a row access policy, `NAME (+ RowAccessPolicy)`, by its last name alone; what
 * has been archived, `ARCHIVE OF name`; and no name at all, null.
 */

export interface PlanName {
  /** As Snowflake wrote it. */
  readonly text: string;
  /** Its parts, of which a table under a row access policy may have one; none where they can't be told apart. */
  readonly parts: readonly string[];
  /** It may stand without database and schema. */
  readonly isShort: boolean;
}

const POLICY = /\s*\(\+\s*[A-Za-z ]+\)$/;
const ARCHIVE = /^ARCHIVE OF\s+/i;

/** The parts of a dotted name; none where anything else stands between them. */
function splitName(text: string): string[] {
  const parts: string[] = [];
  const pattern = /"((?:[^"]|"")+)"|([^".\s()]+)/y;
  for (let at = 0; ; at++) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (!match) return [];
    parts.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    at = pattern.lastIndex;
    if (at === text.length) return parts;
    if (text[at] !== '.') return [];
  }
}

export function planName(text: string): PlanName {
  const isShort = POLICY.test(text);
  const name = text.trim().replace(POLICY, '').replace(ARCHIVE, '');
  return { text, parts: splitName(name), isShort };
}
