/**
 * Rules that turn a Snowflake tree into one that polyglot's transpiler and DuckDB read alike. Each rule sees a node
 * whose children were rewritten before it and answers a node in its place, or undefined to keep it.
 */

import { type SnowType, TEXT_LENGTH, unknownFunction } from '../../../protocol/index.js';
import { asBody, asList, asText, type Body, identifierOf, isBody, nodeOf, textLiteral } from '../../../sql/index.js';
import { fromTree, toDuck } from '../engine/column-types.js';
import { unsupported } from '../engine/errors.js';
import { isClockPart, isDatePart } from '../engine/functions.js';
import { aliased, call, castNode, columnNode, identifierNode, numberNode, textNode } from '../syntax/nodes.js';
import { datePart, partOf, truncated, typed } from './dates.js';

export interface RuleContext {
  /** How a bind variable with this number is written in DuckDB, with its type. */
  readonly bind: (index: number | undefined) => unknown;
  /** The literal that a session variable stands for. */
  readonly variable: (name: string) => unknown;
  /** `CURRENT_*()` and the like, as they stand for this session. */
  readonly session: ReadonlyMap<string, string>;
  /** Its WEEK_START. */
  readonly weekStart: number;
}

/** Where no number is too long for it, nothing is to be looked at. */
function fixedOf(value: unknown, { precision = 38, scale = 0 }: SnowType): unknown {
  return precision === 38 && scale === 0
    ? call('SF_FIXED_OF', value)
    : call('SF_STORE_FIXED', value, numberNode(precision), numberNode(scale), textNode(''));
}

/** Snowflake's cast to a type, from whatever the operand is at run time. */
export function castTo(value: unknown, type: SnowType, safe = false): unknown {
  if (nodeOf(value)?.kind === 'null') return castNode(value, toDuck(type));
  const duck = toDuck(type);
  const plain = (node: unknown): unknown =>
    safe ? { try_cast: { ...asBody(asBody(castNode(node, duck))['cast']) } } : castNode(node, duck);
  switch (type.type) {
    case 'text':
      return (type.length ?? TEXT_LENGTH) >= TEXT_LENGTH
        ? call('SF_TEXT', typed(value))
        : call(safe ? 'SF_TRY_TEXT_OF' : 'SF_TEXT_OF', typed(value), numberNode(type.length ?? TEXT_LENGTH));
    case 'decfloat':
      return castNode(value, 'VARCHAR');
    case 'fixed':
      return plain(safe ? call('SF_DIGITS', typed(value)) : fixedOf(typed(value), type));
    case 'date':
      return safe ? plain(value) : call('SF_DATE', typed(value));
    case 'time':
      return call('SF_TIME', typed(value));
    case 'timestamp_ntz':
      return safe ? plain(value) : call('SF_NTZ', typed(value));
    case 'timestamp_ltz':
    case 'timestamp_tz':
      return safe ? plain(value) : call('SF_LTZ', typed(value));
    case 'variant':
    case 'object':
    case 'array':
      return call('SF_TO_VARIANT', typed(value));
    case 'binary':
      return call('SF_TO_BINARY', typed(value));
    case 'real':
      return plain(call(safe ? 'SF_UNWRAP' : 'SF_REAL_OF', typed(value)));
    case 'boolean':
      return safe ? plain(call('SF_UNWRAP', typed(value))) : castNode(call('SF_BOOLEAN_OF', typed(value)), duck);
  }
}

const SIMPLE_CALLS: Readonly<Record<string, string>> = {
  INSERT: 'SF_INSERT',
  SHA2: 'SF_SHA2',
  SHA2_HEX: 'SF_SHA2',
  HEX_ENCODE: 'SF_HEX_ENCODE',
  GET: 'SF_GET',
  SPLIT: 'SF_SPLIT',
  WIDTH_BUCKET: 'SF_WIDTH_BUCKET',
  OBJECT_AGG: 'SF_OBJECT_AGG',
  OBJECT_KEYS: 'SF_OBJECT_KEYS',
  OBJECT_INSERT: 'SF_OBJECT_INSERT',
  AS_OBJECT: 'SF_AS_OBJECT',
  IS_OBJECT: 'SF_IS_OBJECT',
  IS_ARRAY: 'SF_IS_ARRAY',
  TRY_PARSE_JSON: 'SF_TRY_PARSE_JSON',
  TO_BINARY: 'SF_TO_BINARY',
  TO_VARIANT: 'SF_TO_VARIANT',
  TO_ARRAY: 'SF_TO_VARIANT',
  TO_OBJECT: 'SF_TO_VARIANT',
  UNIFORM: 'SF_UNIFORM',
  RANDSTR: 'SF_RANDSTR',
  TO_TIME: 'SF_TIME',
  LAST_DAY: 'SF_LAST_DAY',
};

const REFUSED = /^(?:SYSTEM\$|RESULT_SCAN$|LAST_QUERY_ID$|GET_DDL$)/;

export function namedArgument(args: readonly unknown[], name: string): unknown {
  for (const argument of args) {
    const node = nodeOf(argument);
    if (node?.kind !== 'named_argument') continue;
    if ((identifierOf(node.body['name'])?.name ?? '').toUpperCase() === name) return node.body['value'];
  }
  return undefined;
}

function flatten(args: readonly unknown[]): unknown {
  const input = namedArgument(args, 'INPUT') ?? args.find((argument) => nodeOf(argument)?.kind !== 'named_argument');
  const path = namedArgument(args, 'PATH');
  for (const option of ['OUTER', 'RECURSIVE', 'MODE'])
    if (namedArgument(args, option) !== undefined) throw unsupported(`FLATTEN with ${option}`);
  const source = path === undefined ? input : call('SF_PATH', input, jsonPath(textLiteral(path) ?? ''));
  return call('SF_FLATTEN', source);
}

/** `a.b[0]` as DuckDB's JSON path, each key quoted so that its case and characters count. */
function jsonPath(path: string): unknown {
  const steps = path.match(/\[\d+\]|\['[^']*'\]|\["[^"]*"\]|"[^"]*"|[^.[\]]+/g) ?? [];
  const text = steps.map((step) => (/^\[\d+\]$/.test(step) ? step : `."${step.replace(/^\[?["']?|["']?\]?$/g, '')}"`));
  return textNode(`$${text.join('')}`);
}

function functionRule(body: Body, context: RuleContext): unknown {
  const name = asText(body['name']).toUpperCase();
  const args = asList(body['args']);
  const [first, second, third] = args;
  const session = context.session.get(name);
  if (session !== undefined && args.length === 0) return textNode(session);
  const simple = SIMPLE_CALLS[name];
  if (simple) return call(simple, ...args.map(typed));
  if (REFUSED.test(name)) throw unsupported(name);
  switch (name) {
    case 'DATEADD':
    case 'TIMEADD':
    case 'TIMESTAMPADD': {
      const part = datePart(first);
      const target = textLiteral(third) === undefined ? third : castTo(third, { type: 'timestamp_ntz' });
      if (isDatePart(part)) return call('SF_DATEADD_DATE', textNode(part), second, target);
      if (isClockPart(part)) return call('SF_DATEADD_CLOCK', textNode(part), second, target);
      throw unsupported(`${name}(${part})`);
    }
    case 'DATEDIFF':
    case 'TIMEDIFF':
    case 'TIMESTAMPDIFF':
      return call('SF_DATEDIFF', textNode(datePart(first)), second, third);
    case 'DATE_TRUNC':
      return truncated(datePart(first), second, context.weekStart);
    case 'CONVERT_TIMEZONE':
      if (args.length !== 2 || textLiteral(first) === undefined) throw unsupported(`${name} but to a zone by its name`);
      return call('SF_IN_ZONE', first, typed(second));
    case 'OBJECT_DELETE':
      return args.slice(1).reduce((object, key) => call('SF_OBJECT_DELETE', object, key), first);
    case 'COLLATE':
      // Without a collation a text is compared as it is written, as every text is here (functions/collate).
      if (textLiteral(second) !== '') throw unsupported('collations');
      return first;
    case 'TRUNC':
      if (args.length === 2 && textLiteral(second) !== undefined)
        return truncated(datePart(second), first, context.weekStart);
      return undefined;
    case 'DATE_PART':
      return call('DATE_PART', textNode(datePart(first)), typed(second));
    case 'TO_CHAR':
    case 'TO_VARCHAR':
      return args.length === 1 ? call('SF_TEXT', typed(first)) : call('SF_TO_CHAR', typed(first), second);
    case 'TO_DATE':
    case 'DATE':
      return castTo(first, { type: 'date' });
    case 'TO_TIMESTAMP':
    case 'TO_TIMESTAMP_NTZ':
      return castTo(first, { type: 'timestamp_ntz' });
    case 'TO_TIMESTAMP_LTZ':
    case 'TO_TIMESTAMP_TZ':
      return castTo(first, { type: 'timestamp_ltz' });
    case 'TO_DOUBLE':
      return castTo(first, { type: 'real' });
    case 'TO_BOOLEAN':
      return castTo(first, { type: 'boolean' });
    case 'CURRENT_TIMESTAMP':
    case 'GETDATE':
    case 'LOCALTIMESTAMP':
      return call('SF_NOW');
    case 'SYSDATE':
      // In UTC, whatever the session's zone is (functions/sysdate).
      return call('TIMEZONE', textNode('UTC'), call('SF_NOW'));
    case 'CURRENT_DATE':
      return castNode(castNode(call('SF_NOW'), 'TIMESTAMP'), 'DATE');
    case 'CURRENT_TIME':
      return castNode(castNode(call('SF_NOW'), 'TIMESTAMP'), 'TIME');
    case 'ARRAY_CONSTRUCT':
      return call('JSON_ARRAY', ...args);
    case 'OBJECT_CONSTRUCT':
    case 'OBJECT_CONSTRUCT_KEEP_NULL':
      // Without a table alias the star stands for all columns: DuckDB's struct of them, as JSON without nulls.
      if (nodeOf(first)?.kind === 'star') return call('SF_OBJECT_OF_ROW', first);
      return call('JSON_OBJECT', ...args);
    case 'GET_PATH':
      return call('SF_PATH', first, jsonPath(textLiteral(second) ?? ''));
    case 'CONCAT':
      return args.reduce((left, right) => call('SF_CONCAT', left, right));
    case 'FLATTEN':
      return flatten(args);
    case 'TABLE': {
      const inner = nodeOf(first);
      const called = inner?.kind === 'function' ? asText(inner.body['name']).toUpperCase() : '';
      if (called === 'SF_FLATTEN') return first;
      if (called === 'GENERATOR') return generator(asList(inner?.body['args']));
      throw unsupported(`TABLE(${called || 'expression'})`);
    }
    default:
      return undefined;
  }
}

function generator(args: readonly unknown[]): unknown {
  const count = namedArgument(args, 'ROWCOUNT');
  if (count === undefined) throw unsupported('GENERATOR without ROWCOUNT');
  return call('RANGE', count);
}

function windowRule(body: Body): unknown {
  const inner = nodeOf(body['this']);
  if (inner?.kind !== 'function' || asText(inner.body['name']).toUpperCase() !== 'RATIO_TO_REPORT') return undefined;
  const value = asList(inner.body['args'])[0];
  const total = { window_function: { ...body, this: call('SUM', value) } };
  return call('SF_DIV', castNode(value, 'DOUBLE'), total);
}

function valuesRule(body: Body): unknown {
  const width = asList(asBody(asList(body['expressions'])[0])['expressions']).length;
  if (asList(body['column_aliases']).length > 0) return undefined;
  const names = Array.from({ length: width }, (_, index) => identifierNode(`COLUMN${index + 1}`));
  return { values: { ...body, alias: body['alias'] ?? identifierNode('VALUES_'), column_aliases: names } };
}

function pivotRule(body: Body): unknown {
  const fields = asList(body['fields']).map((field) => {
    const node = nodeOf(field);
    if (node?.kind !== 'in') return field;
    const items = asList(node.body['expressions']).map((item) => {
      const literal = textLiteral(item);
      return literal === undefined ? item : aliased(item, `'${literal}'`);
    });
    return { in: { ...node.body, expressions: items } };
  });
  return { pivot: { ...body, fields } };
}

/** What to write instead of a node; undefined keeps it. */
export function applyRule(kind: string, body: Body, context: RuleContext): unknown {
  switch (kind) {
    case 'function':
    case 'aggregate_function':
      return functionRule(body, context);
    case 'random':
      return call('SF_RANDOM');
    case 'date_diff':
      return call('SF_DATEDIFF', textNode(partOf(asText(body['unit']))), body['expression'], body['this']);
    case 'cast':
    case 'try_cast': {
      const type = fromTree(asBody(body['to']));
      if (!type) throw unsupported('this type in a cast');
      return castTo(body['this'], type, kind === 'try_cast');
    }
    case 'to_number': {
      const precision = body['precision'];
      const scale = asText(asBody(asBody(body['scale'])['literal'])['value']) || '0';
      const safe = body['safe'] !== null && body['safe'] !== undefined;
      const width =
        precision === null || precision === undefined ? '38' : asText(asBody(asBody(precision)['literal'])['value']);
      return castTo(body['this'], { type: 'fixed', precision: Number(width), scale: Number(scale) }, safe);
    }
    case 'parse_json':
      return call('SF_PARSE_JSON', body['this']);
    case 'to_json':
      return castNode(call('TO_JSON', body['this']), 'VARCHAR');
    case 'j_s_o_n_extract':
      return call('SF_PATH', body['this'], jsonPath(textLiteral(body['expression']) ?? ''));
    case 'subscript':
      return call('SF_GET', body['this'], body['index']);
    case 'array_size':
      return call('SF_ARRAY_SIZE', body['this']);
    case 'array_contains':
      return call('SF_ARRAY_CONTAINS', body['this'], body['expression']);
    case 'typeof':
      return call('SF_TYPEOF', body['this']);
    case 'initcap':
      return call('INITCAP', body['this']);
    case 'last_day':
      return call('SF_LAST_DAY', body['this']);
    case 'div': {
      const divisor = nodeOf(body['right']);
      const constant = divisor?.kind === 'literal' && Number(divisor.body['value']) !== 0;
      return constant && !asText(divisor?.body['value']).match(/^\d+$/)
        ? undefined
        : call('SF_DIV', body['left'], body['right']);
    }
    case 'window_function':
      return windowRule(body);
    case 'values':
      return valuesRule(body);
    case 'pivot':
      return pivotRule(body);
    case 'lateral': {
      const inner = nodeOf(body['this']);
      if (inner?.kind !== 'function' || asText(inner.body['name']) !== 'SF_FLATTEN') return undefined;
      const alias = asText(body['alias']);
      return alias ? aliased(body['this'], alias) : body['this'];
    }
    case 'parameter': {
      const index = body['index'];
      if (body['style'] === 'Colon') return context.bind(typeof index === 'number' ? index : undefined);
      if (typeof index === 'number') return columnNode(`COLUMN${index}`);
      return context.variable(asText(body['name']));
    }
    case 'placeholder':
      return context.bind(undefined);
    case 'table':
      if (isBody(body['when']) || isBody(body['changes'])) throw unsupported('time travel');
      return undefined;
    case 'method_call': {
      const owner = asBody(asBody(nodeOf(body['this'])?.body));
      const path = [identifierOf(owner['table']), identifierOf(owner['name']), identifierOf(body['method'])].map(
        (part) => part?.name ?? '',
      );
      // The secure function of the masking method `hash`; in Snowflake examples/snowflake-setup.sql makes it.
      if (path.join('.').toUpperCase() === 'SNOWFENCE.MASKING.HASH_TEXT')
        return call('SF_KEYED_HASH', ...asList(body['args']).map(typed));
      throw unknownFunction(path.join('.'));
    }
    case 'stage_reference':
      throw unsupported('stages');
    case 'sample': // handled by the transpiler
      return undefined;
    default:
      return undefined;
  }
}

export const literalFor = (value: string | number | boolean): unknown =>
  typeof value === 'number' ? numberNode(value) : typeof value === 'boolean' ? { boolean: { value } } : textNode(value);
