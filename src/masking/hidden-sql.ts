/**
 * A statement's text with what the detectors find taken out of its values, and its SQL as it is. Whoever decides on a statement, or
 * looks for one in the record, must see each word and sign that was judged: a detector that ran over the whole text could be led to
 * begin in one literal and end in another, and would take away what stands between. So each literal, comment and quoted name is looked
 * at by itself, as the lexer that judged it delimits it, and keeps its delimiters.
 */
import { type Piece, pieces, quoteLiteral, unescaped } from '../sql/index.js';
import type { Scrubber } from './detect/index.js';

/** Where even the rest of a literal could not be told from its end. */
const HIDDEN = '[hidden]';

/** A detector's find may end within an escape; what is shown has to be one literal, as the one that was judged. */
function isOne(text: string, kind: Piece['kind']): boolean {
  const [only, ...more] = pieces(text);
  return only?.kind === kind && more.length === 0;
}

function within(piece: Piece, open: string, close: string, hide: (text: string) => string): string {
  const inner = piece.text.slice(open.length, piece.text.length - close.length);
  const shown = hide(inner);
  if (shown === inner) return piece.text;
  const whole = `${open}${shown}${close}`;
  return isOne(whole, piece.kind) ? whole : `${open}${HIDDEN}${close}`;
}

/** Looked at as it is written, and as what it means: an escape in the middle hides nothing from us. */
function quotedText(piece: Piece, hide: (text: string) => string): string {
  const inner = piece.text.slice(1, -1);
  if (/\\|''/.test(inner)) {
    const value = unescaped(inner);
    const shown = hide(value);
    if (shown !== value) return within({ ...piece, text: quoteLiteral(value) }, "'", "'", () => literalOf(shown));
  }
  return within(piece, "'", "'", hide);
}

const literalOf = (value: string): string => quoteLiteral(value).slice(1, -1);

/** Of places in a list, which is what these mostly are. */
const FEW_DIGITS = /^.\d{0,6}$/;

function hiddenPiece(piece: Piece, hide: (text: string) => string): string {
  const { kind, text } = piece;
  switch (kind) {
    case 'string':
      return text.startsWith('$$') ? within(piece, '$$', '$$', hide) : quotedText(piece, hide);
    case 'quoted':
      return within(piece, '"', '"', hide);
    case 'comment':
      return text.startsWith('/*') ? within(piece, '/*', '*/', hide) : within(piece, text.slice(0, 2), '', hide);
    case 'number': {
      // As a text, so that it stands apart from the SQL around it.
      const shown = hide(text);
      return shown === text ? text : quoteLiteral(shown);
    }
    // Behind their sign stands what somebody wrote.
    case 'variable':
    case 'bind': {
      const shown = FEW_DIGITS.test(text) ? text.slice(1) : hide(text.slice(1));
      return shown === text.slice(1) ? text : `${text.slice(0, 1)}${quoteLiteral(shown)}`;
    }
    // Nobody can say what of it is a value, so nobody was asked about it and nothing of it ran: a text like any other.
    case 'unread':
      return hide(text);
    default:
      return text;
  }
}

const COMPARISON = /^(?:=|<>|!=|<|>|<=|>=|=>|:=|:|LIKE|ILIKE|IS)$/i;

/**
 * What a literal is the value of: the name that it is held against or given to, since some values are told by nothing else. Follows the
 * pieces in order.
 */
class Names {
  #name = '';
  #state: 'none' | 'name' | 'compared' | 'in' | 'list' = 'none';

  /** The name for this piece, if it is a literal. */
  next({ kind, text }: Piece): string {
    if (kind === 'space' || kind === 'comment') return '';
    const isHeld = this.#state === 'compared' || this.#state === 'list';
    if ((kind === 'string' || kind === 'number') && isHeld) {
      const name = this.#name;
      if (this.#state === 'compared') this.#state = 'none';
      return name;
    }
    this.#step(kind, text);
    return '';
  }

  #step(kind: Piece['kind'], text: string): void {
    if (this.#state === 'list' && text === ',') return;
    if (this.#state === 'name' && COMPARISON.test(text)) this.#state = 'compared';
    else if (this.#state === 'name' && /^NOT$/i.test(text)) return;
    else if (this.#state === 'name' && /^IN$/i.test(text)) this.#state = 'in';
    else if (this.#state === 'in' && text === '(') this.#state = 'list';
    else if (kind === 'word' || kind === 'quoted' || kind === 'string') {
      this.#name = kind === 'word' ? text : text.slice(1, -1);
      this.#state = 'name';
    } else if (!(this.#state === 'compared' && (text === '-' || text === '+'))) this.#state = 'none';
  }
}

/** Words, signs and white space stay as they are, whatever a detector makes of them. */
export function hiddenInSql(text: string, scrubber: Pick<Scrubber, 'text'>): string {
  const names = new Names();
  let out = '';
  let isNumberHidden = false;
  for (const piece of pieces(text)) {
    const name = names.next(piece);
    const shown = hiddenPiece(piece, (part) => scrubber.text(part, name));
    const isHere = piece.kind === 'number' && shown !== piece.text;
    // Two literals side by side would read as one with a quote in it.
    if ((isHere && out.endsWith("'")) || (isNumberHidden && shown.startsWith("'"))) out += ' ';
    out += shown;
    isNumberHidden = isHere;
  }
  return out;
}
