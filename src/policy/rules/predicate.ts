/**
 * A row predicate of a policy: read once, when its file is loaded, into tokens and templates. What a principal brings takes a
 * template's place as one quoted literal token, so that it is a value there and nothing else, whatever its text.
 */
import {
  analyse,
  isOperator,
  isWord,
  lex,
  objectKey,
  quoteLiteral,
  Refusal,
  readStatement,
  secondOpinion,
  showIdentifier,
  spaced,
  type Token,
} from '../../sql/index.js';
import { unsteady } from './steady.js';

type Template =
  | { readonly kind: 'issuer' }
  | { readonly kind: 'subject' }
  | { readonly kind: 'client_id' }
  | { readonly kind: 'claim'; readonly claim: string };

type Part = { readonly kind: 'text'; readonly text: string } | Template;

export interface Predicate {
  /** As the policy has it, for people. */
  readonly text: string;
  readonly parts: readonly Part[];
  /** Where each part stands in the text. */
  readonly places: readonly Token[];
  /** Its value is the principal's. */
  readonly hasTemplates: boolean;
}

/** What is wrong with a predicate, and what to write instead. */
export class PredicateProblem extends Error {}

const TEMPLATE = /\{principal\.(?:(issuer)|(subject)|(client_id)|claims\.([A-Za-z0-9_:./-]+))\}/g;
const TEMPLATES = '{principal.issuer}, {principal.subject}, {principal.client_id} and {principal.claims.NAME}';
/** Of what a template may be meant to be, in places where none can stand. */
const LIKE_TEMPLATE = /\{\s*principal\b/i;

/** All that an expression on columns is written with; no end of statement, bind, stage, pipe or assignment. */
const OPERATORS: ReadonlySet<string> = new Set('+ - * / % ( ) [ ] , . : :: = < > <= >= <> != || => ->'.split(' '));

/** The templates of a text, by their offsets. */
const templatesOf = (text: string): ReadonlyMap<number, { readonly length: number; readonly template: Template }> =>
  new Map(
    [...text.matchAll(TEMPLATE)].map((match) => {
      const [whole, issuer, subject, clientId, claim = ''] = match;
      const template: Template =
        issuer !== undefined
          ? { kind: 'issuer' }
          : subject !== undefined
            ? { kind: 'subject' }
            : clientId !== undefined
              ? { kind: 'client_id' }
              : { kind: 'claim', claim };
      return [match.index, { length: whole.length, template }] as const;
    }),
  );

function problemOf(token: Token, hasTemplateInside: boolean): string | undefined {
  const { kind, text } = token;
  if ((kind === 'string' || kind === 'quoted') && (hasTemplateInside || LIKE_TEMPLATE.test(text)))
    return `A template can't stand within quotes (${text.slice(0, 60)}): it is a quoted literal itself. Write it without them, and join it with || where it is a part of a text.`;
  if (kind === 'bind') return 'A predicate has no bind values. Write the value itself.';
  if (kind === 'variable')
    return 'A predicate has no session variables: connections are shared. Write the value itself.';
  if (kind !== 'operator') return undefined;
  if (text === '{' || text === '}') return `Braces stand for templates alone, and those are ${TEMPLATES}.`;
  if (text === ';') return 'The predicate has to be one closed expression.';
  return OPERATORS.has(text) ? undefined : `"${text}" has no place in a predicate.`;
}

/**
 * Reads a predicate: one closed expression. Throws a PredicateProblem for an odd character, a comment, brackets that don't fit, a
 * template in quotes or one that is not known, a sub-query, and whatever goes by the session.
 */
export function parsePredicate(text: string): Predicate {
  if (text.trim() === '')
    throw new PredicateProblem("The predicate is empty: it has to be a condition, such as REGION = 'EU'.");
  const templates = templatesOf(text);
  // A word of the same length stands for each, so that offsets stay, and `//` in a claim's name is no comment.
  const tokens = read(text.replaceAll(TEMPLATE, (whole) => 'P'.repeat(whole.length)));
  const parts: Part[] = [];
  const places: Token[] = [];
  let end = 0;
  let depth = 0;
  let found = 0;
  const plain: Token[] = [];
  for (const token of tokens) {
    const { start } = token;
    if (text.slice(end, start).trim() !== '') throw commentProblem();
    end = start + token.text.length;
    places.push(token);
    const own = templates.get(start);
    if (own && own.length === token.text.length) {
      found++;
      parts.push(own.template);
      plain.push({ kind: 'string', text: "''", start });
      continue;
    }
    const isInside = [...templates.keys()].some((at) => at >= start && at < end);
    const original = { ...token, text: text.slice(start, end) };
    const problem =
      problemOf(original, isInside) ??
      (isInside
        ? `A template stands by itself, with a space or sign on either side (${original.text.slice(0, 60)}).`
        : undefined);
    if (problem) throw new PredicateProblem(problem);
    if (isOperator(token, '(') || isOperator(token, '[')) depth++;
    if (isOperator(token, ')') || isOperator(token, ']')) depth--;
    if (depth < 0) throw new PredicateProblem('The predicate has to be one closed expression.');
    if (isWord(token, 'SELECT', 'WITH'))
      throw new PredicateProblem('The predicate may read only its own table, so it has no sub-query.');
    parts.push({ kind: 'text', text: original.text });
    plain.push(original);
  }
  if (text.slice(end).trim() !== '' || found !== templates.size) throw commentProblem();
  if (depth !== 0) throw new PredicateProblem('A bracket in the predicate is not closed.');
  const problem = unsteady(plain);
  if (problem) throw new PredicateProblem(`The predicate would not mean the same in every session: ${problem}`);
  return { text, parts, places, hasTemplates: templates.size > 0 };
}

function read(text: string): Token[] {
  try {
    return lex(text);
  } catch (error) {
    throw new PredicateProblem(error instanceof Refusal ? error.message : 'The predicate can not be read.');
  }
}

/** Whatever the lexer skips and is no white space: what one reader skips another might read. */
const commentProblem = (): PredicateProblem =>
  new PredicateProblem('A predicate has no comment. Put it into the YAML file, behind #.');

/** Structurally what the identity room proves. */
interface Bearer {
  readonly issuer: string;
  readonly subject: string;
  readonly clientId: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** What no literal can hold: NUL ends a text for some readers, and half of a surrogate pair is no character. */
const isText = (value: string): boolean => !value.includes('\0') && value.isWellFormed();

function broughtBy(template: Template, bearer: Bearer): unknown {
  switch (template.kind) {
    case 'issuer':
      return bearer.issuer;
    case 'subject':
      return bearer.subject;
    case 'client_id':
      return bearer.clientId;
    case 'claim':
      return Object.hasOwn(bearer.claims, template.claim) ? bearer.claims[template.claim] : undefined;
  }
}

/** One token, always: a quoted literal, or NULL for what is absent or no single value (a list, an object), which equals nothing. */
function literalOf(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return quoteLiteral(String(value));
  return typeof value === 'string' ? quoteLiteral(value) : 'NULL';
}

/** The predicate with a principal's values put in: its tokens, spaced as they were written. No row for a value that is no text. */
export function fillPredicate({ parts, places }: Predicate, bearer: Bearer): string {
  const filled: string[] = [];
  for (const part of parts) {
    if (part.kind === 'text') {
      filled.push(part.text);
      continue;
    }
    const value = broughtBy(part, bearer);
    if (typeof value === 'string' && !isText(value)) return 'FALSE';
    filled.push(literalOf(value));
  }
  return spaced(places, filled);
}

const NOBODY: Bearer = { issuer: '', subject: '', clientId: '', claims: {} };
const STAND_IN = { database: 'POLICY', schema: 'ROWS', name: 'ITS_TABLE' };

/**
 * Whether the analysis understands the predicate, as it has to wherever the predicate is put into a statement: each table of the
 * principal would be refused otherwise. Answers what it doesn't.
 */
export async function notUnderstood(predicate: Predicate): Promise<string | undefined> {
  const text = fillPredicate(predicate, NOBODY);
  // Which columns the table has is not known here, so it has every name that stands in the predicate.
  const names = lex(text).flatMap((token) =>
    token.kind === 'word'
      ? token.text.toUpperCase()
      : token.kind === 'quoted'
        ? token.text.slice(1, -1).replaceAll('""', '"')
        : [],
  );
  const relation = {
    ...STAND_IN,
    kind: 'table' as const,
    columns: [...new Set(names)].map((name) => ({ name, type: 'VARIANT', comment: '' })),
    viewText: undefined,
    comment: '',
    rows: undefined,
  };
  const own = objectKey(STAND_IN);
  try {
    const from = [STAND_IN.database, STAND_IN.schema, STAND_IN.name].map(showIdentifier).join('.');
    const analysis = await analyse(
      readStatement(`SELECT 1 FROM ${from} WHERE (${text})`),
      {
        relation: async (name) => (objectKey(name) === own ? relation : undefined),
        constraints: async () => undefined,
      },
      { database: undefined, schema: undefined },
    );
    secondOpinion(analysis, new Set());
    const other = analysis.objects.find(({ object }) => objectKey(object) !== own);
    return other || analysis.kind !== 'select' ? 'The predicate may read only its own table.' : undefined;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return `The predicate is not understood: ${error.message}${error.hint === undefined ? '' : ` ${error.hint}`}`;
  }
}
