/**
 * People's words on a statement, as signed events. A yes is an Ed25519 signature over the digest of that very statement, made where the
 * person was known, by the key that signs the record and that the store does not have. Whoever uses an approval asks for these events and
 * counts them again; rows are there to be shown.
 */
import { verify } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { z } from 'zod';
import {
  canonical,
  EVENT_COLUMNS,
  FirstOnly,
  isOurs,
  publicPart,
  type RawEvent,
  type RecordKeys,
  signWith,
  trustedKeys,
} from '../../transcript/index.js';
import { isEnough, type Requirement } from './enough.js';

const standingWord = z.object({
  /** Hexadecimal, of the shape that would go on without asking. */
  binding: z.string(),
  until: z.string(),
  uses: z.number().int().positive(),
});

const wordShape = z.object({
  approval: z.string(),
  /** Hexadecimal. */
  binding: z.string(),
  decision: z.enum(['approve', 'deny']),
  issuer: z.string(),
  reviewer: z.string(),
  groups: z.array(z.string()),
  /** All that this person goes by, as digests by each key there was: who has two accounts has one word, also after keys were rotated. */
  names: z.array(z.string()),
  standing: standingWord.nullable(),
});
/** One person's word. */
export type Word = z.infer<typeof wordShape>;

/** What the warehouse's history says of a statement that changed nothing; the last: nor can it any more. */
const FOUND = ['never left', 'taken back', 'rolled back'] as const;
export type Found = (typeof FOUND)[number];

/**
 * That a statement changed nothing, so that its approval holds again: as strong as a yes. It is of one use, and of what was known then;
 * releases of earlier versions say neither.
 */
const releaseShape = z.object({
  approval: z.string(),
  binding: z.string(),
  released: z.string(),
  use: z.string().optional(),
  found: z.enum(FOUND).optional(),
});
type Release = z.infer<typeof releaseShape>;

/**
 * Whether a release came too late, or is of another use than the last: then it gives nothing back. Which came first, the word that a
 * statement leaves or the word that it never will, is told by their places in the session: whoever sends asks again after its own.
 */
export function isOvertaken(
  { use: of, found }: { readonly use?: string | undefined; readonly found?: string | undefined },
  use: string | undefined,
  wasSent: boolean,
  mayBeCommitted: boolean,
): boolean {
  if (of !== undefined && of !== use) return true;
  return (found === 'never left' && wasSent) || (found === 'taken back' && mayBeCommitted);
}

const messageOf = (word: Word | Release): Buffer => Buffer.from(`snowfence approval v1\n${canonical(word)}`);

/** Base64. */
export const signed = (word: Word | Release, keys: RecordKeys): string =>
  signWith(keys.signing, messageOf(word)).toString('base64');

function isSigned(word: Word | Release, signature: unknown, keys: RecordKeys): boolean {
  if (typeof signature !== 'string') return false;
  const bytes = Buffer.from(signature, 'base64');
  return trustedKeys(keys).some(({ key }) => verify(null, messageOf(word), publicPart(key), bytes));
}

/** That a gateway of ours took it up, as its signed event says, and nobody has signed that this came to nothing. */
export interface Use {
  /** Which event of its session says so. */
  readonly position: string;
  /** As that event names it; undefined for those of earlier versions. */
  readonly id: string | undefined;
  /** The statement was handed to the warehouse: under this use, or one before it that was not given back. */
  readonly hasLeft: boolean;
  /** So was its COMMIT, or was about to be. */
  readonly mayBeCommitted: boolean;
  /** It has an outcome, whatever was written of its use after that. */
  readonly hasEnded: boolean;
}

/** What the record says of one approval. */
export interface Said {
  /** Of each person the first word, in order. */
  readonly words: readonly Word[];
  /** Its last use was not taken back, or it is over for another reason; also by the word of nobody of ours. */
  readonly isOver: boolean;
  readonly use: Use | undefined;
  /** Standing approvals that came of it: those that were ended, and how often each was used. */
  readonly revoked: ReadonlySet<string>;
  readonly uses: ReadonlyMap<string, number>;
}

/** After any of these a statement has ended. */
const OUTCOMES = [
  'statement_completed',
  'statement_failed',
  'statement_cancelled',
  'statement_refused',
  'statement_settled',
];

const KINDS = [
  'approval_decided',
  'approval_used',
  'approval_released',
  'approval_expired',
  'approval_withdrawn',
  'standing_used',
  'standing_revoked',
  'statement_sent',
  ...OUTCOMES,
];

const EVENTS = `
  SELECT ${EVENT_COLUMNS} FROM event e
  WHERE e.session_id = $1 AND e.statement_id = $2 AND e.kind = ANY($3) ORDER BY e.position`;

export interface About {
  readonly id: string;
  readonly session_id: string;
  readonly statement_id: string;
  /** Hexadecimal. */
  readonly binding: string;
}

/**
 * Reads and proves what was said. Words that nobody of ours signed, or of another digest, are none. Whoever may append can end an
 * approval so, and nothing else: what gives anything follows from what was signed.
 */
export async function saidOf(queries: Pick<Pool | PoolClient, 'query'>, about: About, keys: RecordKeys): Promise<Said> {
  const { rows } = await queries.query<RawEvent>(EVENTS, [about.session_id, about.statement_id, KINDS]);
  const words: Word[] = [];
  const persons = new Set<string>();
  const [revoked, uses] = [new Set<string>(), new Map<string, number>()];
  // One that is written a second time, signature and all, gives nothing back again.
  const releases = new Set<unknown>();
  let use: Use | undefined;
  // Nothing takes this back: neither a release, nor whatever is written of its use later.
  let isClosed = false;
  const first = new FirstOnly();
  for (const event of rows) {
    const { position, kind, body: text } = event;
    const isFirst = first.isFirst(event);
    const body: unknown = JSON.parse(text);
    const { data } = bodyShape.safeParse(body);
    if (kind === 'statement_sent' || OUTCOMES.includes(kind)) {
      const hasEnded = kind !== 'statement_sent';
      // Whoever says so of a use that is over asks again before it sends, and sends nothing.
      if (!hasEnded && typeof data?.use === 'string' && data.use !== use?.id) continue;
      const mayBeCommitted = !hasEnded && data?.step === 'commit';
      if (use)
        use = {
          ...use,
          hasLeft: true,
          hasEnded: use.hasEnded || hasEnded,
          mayBeCommitted: use.mayBeCommitted || mayBeCommitted,
        };
      else isClosed = true;
      continue;
    }
    if (data?.approval !== about.id) continue;
    const { standing, signature } = data;
    if (kind === 'approval_decided') {
      const word = wordShape.safeParse(body);
      if (!word.success || word.data.binding !== about.binding || !isSigned(word.data, signature, keys)) continue;
      if (word.data.names.some((name) => persons.has(name))) continue;
      for (const name of word.data.names) persons.add(name);
      words.push(word.data);
    } else if (kind === 'approval_released') {
      const release = releaseShape.safeParse(body);
      if (!release.success || release.data.binding !== about.binding || releases.has(release.data.released)) continue;
      if (!isSigned(release.data, signature, keys)) continue;
      releases.add(release.data.released);
      // What has ended is not given back, whoever says that it never left.
      if (use && !use.hasEnded && !isOvertaken(release.data, use.position, use.hasLeft, use.mayBeCommitted))
        use = undefined;
    } else if (kind === 'standing_used') {
      if (typeof standing === 'string') uses.set(standing, (uses.get(standing) ?? 0) + 1);
    } else if (kind === 'standing_revoked') {
      if (typeof standing === 'string') revoked.add(standing);
    } else if (kind === 'approval_used') {
      if (typeof standing === 'string') continue;
      if (!isFirst || !(await isOurs(queries, event, { keys: trustedKeys(keys) }))) isClosed = true;
      else
        use = {
          position: String(position),
          id: typeof data.use === 'string' ? data.use : undefined,
          // What was sent or has ended stays so, whatever is said of a use after that.
          hasLeft: use?.hasLeft ?? false,
          mayBeCommitted: use?.mayBeCommitted ?? false,
          hasEnded: use?.hasEnded ?? false,
        };
    } else isClosed = true;
  }
  return { words, isOver: isClosed || use !== undefined, use, revoked, uses };
}

const bodyShape = z.looseObject({
  approval: z.unknown().optional(),
  standing: z.unknown().optional(),
  signature: z.unknown().optional(),
  use: z.unknown().optional(),
  step: z.unknown().optional(),
});

/** Whether these words let the statement run: nobody said no, and enough people said yes. */
export function isGranted(words: readonly Word[], requirements: readonly Requirement[]): boolean {
  return words.every(({ decision }) => decision === 'approve') && isEnough(requirements, words);
}

/** What the approvers together let go on without asking: the least of each; undefined where their word does not suffice. */
export function standingOf(words: readonly Word[], requirements: readonly Requirement[]): Word['standing'] {
  if (words.some(({ decision }) => decision === 'deny')) return null;
  const willing = words.flatMap(({ issuer, groups, standing }) =>
    standing === null ? [] : [{ issuer, groups, standing }],
  );
  const [first] = willing;
  if (
    !first ||
    willing.some(({ standing }) => standing.binding !== first.standing.binding) ||
    !isEnough(requirements, willing)
  )
    return null;
  return {
    binding: first.standing.binding,
    until: willing.map(({ standing }) => standing.until).sort()[0] ?? first.standing.until,
    uses: Math.min(...willing.map(({ standing }) => standing.uses)),
  };
}
