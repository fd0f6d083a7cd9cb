/**
 * What the detectors find in what comes from outside is kept encrypted and shown masked. Each session has a key of its own,
 * encrypted with one of the operator's: erasing a session's key erases those texts for good, while the chain, which goes over what
 * is stored, still verifies. AES-256-GCM (NIST SP 800-38D) with 96 random bits of nonce.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { PROMPT_BESIDE, PROMPT_KEPT } from '../../visible-text/index.js';
import type { RecordKeys, SealingKey } from '../form/keys.js';
import { RecorderUnavailable } from './failures.js';
import { isOurs, lookedThrough } from './looked-through.js';

const NONCE = 12;
const TAG = 16;
const LENT_BLOCK = 256;

function encrypt(key: Uint8Array, about: string, plain: Uint8Array): Buffer {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG });
  cipher.setAAD(Buffer.from(about));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Throws where key, text or what it is about do not fit together. */
function decrypt(key: Uint8Array, about: string, sealed: Uint8Array): Buffer {
  if (sealed.length < NONCE + TAG) throw new Error('too short to be encrypted');
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE), { authTagLength: TAG });
  decipher.setAAD(Buffer.from(about));
  decipher.setAuthTag(sealed.subarray(-TAG));
  return Buffer.concat([decipher.update(sealed.subarray(NONCE, -TAG)), decipher.final()]);
}

export interface WrappedKey {
  readonly keyId: string;
  readonly wrapped: Buffer;
}

/** As its handshake says. */
export interface ClientNames {
  readonly name: string | null;
  readonly version: string | null;
}

/** Finds what must not be read by everybody, and masks it. Shaped like the masking room's. */
export interface Masker {
  value(value: unknown): unknown;
  /** SQL, of which only values and comments are masked. */
  statement(text: string): string;
  readonly found: ReadonlySet<string>;
}

/** Parts that are SQL. */
const STATEMENTS: ReadonlySet<string> = new Set(['statement', 'sent']);

/** UTF-16 units of what is kept of a part; of a prompt in a statement's event its beginning, the whole has one of its own. */
const KEPT: Readonly<Record<string, number>> = { statement: 262_144, purpose: 2000, prompt: PROMPT_KEPT };
/** More than any value that a detector finds is long. */
const MARGIN = 4096;

/**
 * A long text is looked through before it is cut: of half a value nobody sees that it is one. Where it is too long to be looked through whole,
 * what is shown ends well before the place up to which it was.
 */
function shownOf(text: string, most: number, mask: (text: string) => unknown): unknown {
  const isLong = text.length > most + MARGIN;
  const shown = mask(isLong ? text.slice(0, most + MARGIN) : text);
  if (typeof shown !== 'string') return shown;
  return (isLong ? shown.slice(0, Math.max(0, shown.length - MARGIN)) : shown).slice(0, most).toWellFormed();
}

const cut = (text: string, most: number): string => (text.length > most ? text.slice(0, most).toWellFormed() : text);

/** Of a part that may be too long: what is shown, and what is kept. */
function fitted(
  name: string,
  value: unknown,
  mask: (value: unknown) => unknown,
): { readonly shown: unknown; readonly kept: unknown } {
  const most = KEPT[name];
  if (most !== undefined && typeof value === 'string')
    return { shown: shownOf(value, most, mask), kept: cut(value, most) };
  if (name === 'prompt' && typeof value === 'object' && value !== null && 'text' in value) {
    const { text, ...rest } = value as { readonly text: unknown };
    if (typeof text === 'string')
      return {
        shown: { ...(mask(rest) as object), text: shownOf(text, PROMPT_BESIDE, mask) },
        kept: { ...rest, text: cut(text, PROMPT_BESIDE) },
      };
  }
  return { shown: mask(value), kept: value };
}

const DENIAL_OF_WHAT_IS_NO_SQL = 'NOT_UNDERSTOOD';

/**
 * Whether a statement was read as one. What was not never came to be judged: it may be a letter to somebody, and is masked as a text.
 */
function isRead({ kind, denial }: Readonly<Record<string, unknown>>): boolean {
  const code = typeof denial === 'object' && denial !== null && 'code' in denial ? denial.code : undefined;
  return kind !== null && code !== DENIAL_OF_WHAT_IS_NO_SQL;
}

const REMEMBERED = 20_000;

export class Vault {
  readonly #keys: readonly SealingKey[];
  readonly #mask: () => Masker;
  readonly #known = new Map<string, Buffer>();
  readonly #digestKey: Buffer;
  /** Of what others keep for us: while the first of the keys is the same. */
  readonly #lentKey: Buffer;

  constructor(keys: RecordKeys, mask: () => Masker) {
    if (keys.sealing.length === 0) throw new Error('A vault without a key.');
    this.#keys = keys.sealing;
    this.#mask = mask;
    this.#digestKey = Buffer.from(hkdfSync('sha256', this.#current.key, '', 'snowfence digest', 32));
    this.#lentKey = Buffer.from(hkdfSync('sha256', this.#current.key, '', 'snowfence lent', 32));
  }

  get #current(): SealingKey {
    const [first] = this.#keys;
    if (!first) throw new Error('A vault without a key.');
    return first;
  }

  /** A new session's key; remembered. */
  make(session: string): WrappedKey {
    const key = randomBytes(32);
    this.#remember(session, key);
    return this.#wrap(session, key);
  }

  #wrap(session: string, key: Buffer): WrappedKey {
    const { id, key: by } = this.#current;
    return { keyId: id, wrapped: encrypt(by, `snowfence session key ${session}`, key) };
  }

  #remember(session: string, key: Buffer): void {
    if (this.#known.size >= REMEMBERED) {
      const [oldest] = this.#known.keys();
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    this.#known.set(session, key);
  }

  knows(session: string): boolean {
    return this.#known.has(session);
  }

  forget(session: string): void {
    this.#known.delete(session);
  }

  /** Throws where none of our keys opens it. */
  #unwrap(session: string, { keyId, wrapped }: WrappedKey): Buffer {
    const by = this.#keys.find(({ id }) => id === keyId);
    if (!by) throw new Error(`The encryption key ${keyId} is not among the configured ones.`);
    return decrypt(by.key, `snowfence session key ${session}`, wrapped);
  }

  learn(session: string, wrapped: WrappedKey): void {
    this.#remember(session, this.#unwrap(session, wrapped));
  }

  /** Throws where none of our keys opens it. */
  check(session: string, wrapped: WrappedKey): void {
    this.#unwrap(session, wrapped);
  }

  /** The same key, encrypted with the first of our keys. */
  rewrap(session: string, wrapped: WrappedKey): WrappedKey {
    return this.#wrap(session, this.#unwrap(session, wrapped));
  }

  get currentKeyId(): string {
    return this.#current.id;
  }

  /**
   * The body as it is stored, no part of it longer than is kept: what the detectors find is masked, and the part that it stood in is kept under `sealed`, encrypted.
   * Where the session's key is gone, only what is masked is kept.
   */
  seal(
    session: string,
    statement: string | undefined,
    body: Readonly<Record<string, unknown>>,
  ): Readonly<Record<string, unknown>> {
    let out: Record<string, unknown> | undefined;
    let hides = false;
    const sealed: Record<string, string> = {};
    const key = this.#known.get(session);
    // It remembers what it found: the next part needs a new one only behind a part in which something was.
    let masker = this.#mask();
    for (const [name, value] of Object.entries(body)) {
      if (isOurs(name, value)) continue;
      if (masker.found.size > 0) masker = this.#mask();
      const current = masker;
      const isSql = STATEMENTS.has(name) && typeof value === 'string' && isRead(body);
      const { shown, kept } = fitted(name, value, (part) =>
        isSql ? current.statement(String(part)) : lookedThrough(name, part, (inner) => current.value(inner)),
      );
      const isHidden = current.found.size > 0;
      if (!isHidden && kept === value) continue;
      hides ||= isHidden;
      out ??= { ...body };
      out[name] = isHidden ? shown : kept;
      if (isHidden && key)
        sealed[name] = encrypt(key, aboutPart(session, statement, name), Buffer.from(JSON.stringify(kept))).toString(
          'base64',
        );
    }
    return hides ? { ...out, sealed } : (out ?? body);
  }

  /** The body with what was masked in it; parts whose key is gone, or that don't open, stay masked and are named. */
  open(
    session: string,
    statement: string | null,
    body: Readonly<Record<string, unknown>>,
  ): { readonly body: Readonly<Record<string, unknown>>; readonly closed: readonly string[] } {
    const { sealed, ...masked } = body;
    if (typeof sealed !== 'object' || sealed === null) return { body, closed: [] };
    const rest: Record<string, unknown> = masked;
    const closed: string[] = [];
    const key = this.#known.get(session);
    for (const [name, text] of Object.entries(sealed)) {
      try {
        if (!key) throw new Error('erased');
        const plain = decrypt(
          key,
          aboutPart(session, statement ?? undefined, name),
          Buffer.from(String(text), 'base64'),
        );
        rest[name] = JSON.parse(plain.toString());
      } catch {
        closed.push(name);
      }
    }
    return { body: rest, closed };
  }

  /** A text that is kept for the gateway alone. Throws RecorderUnavailable where the key is not known, as when it was just erased. */
  sealText(session: string, about: string, text: string): Buffer {
    const key = this.#known.get(session);
    if (!key) throw new RecorderUnavailable(new Error('The key of this session is not known.'));
    return encrypt(key, aboutPart(session, undefined, about), Buffer.from(text));
  }

  /** Throws where it can't be opened. */
  openText(session: string, about: string, sealed: Uint8Array): string {
    const key = this.#known.get(session);
    if (!key) throw new Error('The key of this session is not known.');
    return decrypt(key, aboutPart(session, undefined, about), sealed).toString();
  }

  /** What a client calls itself, as it stands in the record: masked as the event that opens a session has it. */
  shownClient(client: ClientNames): ClientNames {
    const masker = this.#mask();
    return lookedThrough('client', client, (part) => masker.value(part)) as ClientNames;
  }

  /** A text that others keep for us and can neither read nor make, in base64url; its length tells no more than a multiple of 256 bytes. */
  lend(about: string, text: string): string {
    const plain = Buffer.from(text);
    const padded = Buffer.alloc(Math.ceil((plain.length + 1) / LENT_BLOCK) * LENT_BLOCK);
    plain.copy(padded);
    return encrypt(this.#lentKey, about, padded).toString('base64url');
  }

  /** undefined where it is none of ours, or about something else. */
  returned(about: string, lent: string): string | undefined {
    try {
      const padded = decrypt(this.#lentKey, about, Buffer.from(lent, 'base64url'));
      return padded.subarray(0, padded.indexOf(0)).toString();
    } catch {
      return undefined;
    }
  }

  /** SQL with what the detectors find in its values taken out. */
  shown(sql: string): string {
    return this.#mask().statement(sql);
  }

  /** The same for the same text, and of no use to who guesses texts. */
  digest(text: string): Buffer {
    return createHmac('sha256', this.#digestKey).update(text).digest();
  }
}

const aboutPart = (session: string, statement: string | undefined, name: string): string =>
  `snowfence ${session} ${statement ?? ''} ${name}`;
