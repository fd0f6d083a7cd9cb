/**
 * A tool's schema as clients meet it. Models' APIs differ in what of JSON Schema they take: ours stay within what all of them do (no `$schema`,
 * no exclusive bounds, no lists of types). Arguments are read generously: models send `null` for what they leave out, and numbers as texts.
 */
import type { StandardSchemaWithJSON } from '@modelcontextprotocol/server';
import type { z } from 'zod';
import { exactJson, numberIn } from '../exact-json/index.js';
import { readValue } from '../mistakes/index.js';

type Shape = StandardSchemaWithJSON<Record<string, unknown>, Record<string, unknown>>;
type JsonSchema = Readonly<Record<string, unknown>>;

const isSchema = (value: unknown): value is JsonSchema => typeof value === 'object' && value !== null;

/** What a property takes, alternatives included. */
function typesOf(property: JsonSchema): readonly unknown[] {
  const { type, anyOf } = property;
  return Array.isArray(anyOf) ? anyOf.flatMap((one) => (isSchema(one) ? typesOf(one) : [])) : [type];
}

/** A value as its property means it; as it is where it means nothing else. */
function meant(value: unknown, property: JsonSchema): unknown {
  if (typeof value !== 'string') return value;
  const types = typesOf(property);
  // A text that a text is taken for stays one.
  if (types.includes('string')) return value;
  const text = value.trim();
  if ((types.includes('integer') || types.includes('number')) && /^-?\d+(?:\.\d+)?$/.test(text)) return numberIn(text);
  if (types.includes('boolean') && /^(?:true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  if (types.includes('array') && text.startsWith('['))
    try {
      return exactJson(text);
    } catch {
      // Refused as what it is, with its place.
    }
  return value;
}

/** A call that says `null` for no arguments is one without any: the protocol's own schema would refuse it. */
export function withoutNullArguments(message: unknown): void {
  const params = isSchema(message) ? message['params'] : undefined;
  if (isSchema(params) && params['arguments'] === null) Reflect.deleteProperty(params, 'arguments');
}

/** Arguments as they are meant: without those that are `null` and may be left out. */
function generous(input: unknown, schema: JsonSchema): unknown {
  if (!isSchema(input) || Array.isArray(input)) return input ?? {};
  const properties = isSchema(schema['properties']) ? schema['properties'] : {};
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  return Object.fromEntries(
    Object.entries(input).flatMap(([name, value]) => {
      if (value === null && !required.includes(name)) return [];
      const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
      return [[name, isSchema(property) ? meant(value, property) : value]];
    }),
  );
}

/** A schema in which alternatives are told by `anyOf`, and no list of types stands. */
function withoutTypeLists(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutTypeLists);
  if (!isSchema(schema)) return schema;
  const { type, ...rest } = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, withoutTypeLists(value)]),
  );
  if (type === undefined) return rest;
  // A property may be called "type"; its schema is no list.
  return Array.isArray(type) ? { ...rest, anyOf: type.map((one) => ({ type: one })) } : { type, ...rest };
}

/** The same with its descriptions as they are told; a property may be called "description", and is none. */
function describedBy(schema: unknown, told: (text: string) => string): unknown {
  if (Array.isArray(schema)) return schema.map((one) => describedBy(one, told));
  if (!isSchema(schema)) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [
      key,
      key === 'description' && typeof value === 'string' ? told(value) : describedBy(value, told),
    ]),
  );
}

/** Made once: Streamable HTTP registers a tool anew for each request. `told`: each description as it is told. */
export function remembered(schema: z.ZodObject, told: (text: string) => string): Shape {
  const standard = schema['~standard'];
  const made = new Map<string, Record<string, unknown>>();
  const once = (io: 'input' | 'output') => (options: Parameters<typeof standard.jsonSchema.input>[0]) => {
    const key = `${io} ${options.target}`;
    const known = made.get(key);
    if (known) return known;
    // MCP's own dialect is the one that is meant where none is named.
    const { $schema: _, ...plain } = standard.jsonSchema[io](options);
    const shape = describedBy(withoutTypeLists(plain), told) as Record<string, unknown>;
    made.set(key, shape);
    return shape;
  };
  const jsonSchema = { input: once('input'), output: once('output') };
  const taken = jsonSchema.input({ target: 'draft-2020-12' });
  const validate = (value: unknown) => {
    const given = generous(value, taken);
    const { data } = readValue(schema, given, 'The call');
    if (data !== undefined) return { value: data };
    // What nobody takes is passed over, until something is missing that it may have been meant for.
    const { mistakes = [] } = readValue(schema.strict(), given, 'The call');
    return { issues: mistakes.map(({ message }) => ({ message })) };
  };
  return { '~standard': { ...standard, validate, jsonSchema } };
}
