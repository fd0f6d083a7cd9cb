/**
 * The configuration file of `serve`. Secrets never stand in it: each is named by an environment variable or a file, and the schema
 * has no place for a value.
 */
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { closest } from '../spelling/index.js';
import { SnowfenceError } from './problem.js';
import { consoleShape } from './sections/console.js';
import { checkRoles, identityShape } from './sections/identity.js';
import { limitsShape } from './sections/limits.js';
import { policiesShape } from './sections/policies.js';
import { logShape, serverShape, shutdownShape } from './sections/server.js';
import { snowflakeShape } from './sections/snowflake.js';
import { toolsShape } from './sections/tools.js';
import { transcriptShape } from './sections/transcript.js';
import { webhooksShape } from './sections/webhooks.js';

const configFile = z.strictObject({
  server: serverShape,
  tools: toolsShape,
  snowflake: snowflakeShape,
  transcript: transcriptShape,
  identity: identityShape,
  console: consoleShape,
  webhooks: webhooksShape,
  limits: limitsShape,
  policies: policiesShape,
  log: logShape,
  shutdown: shutdownShape,
});

export type ConfigFile = z.infer<typeof configFile>;

const KEYS = Object.keys(configFile.shape).concat(
  ...Object.values(configFile.shape).map((part) =>
    'shape' in part && typeof part.shape === 'object' ? Object.keys(part.shape) : [],
  ),
  ['folder', 'still', 'still_opening', 'poll', 'reload_socket'],
);

function unknownKey(key: string): string {
  const best = closest(key, KEYS, 3);
  return best === undefined ? `unknown key "${key}".` : `unknown key "${key}". Did you mean "${best}"?`;
}

/** Throws a SnowfenceError that names the place of each thing that is wrong, and what it should be. */
export function parse(name: string, text: string): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const broken = document.errors[0];
  if (broken) {
    const { line, col } = lines.linePos(broken.pos[0]);
    throw new SnowfenceError(
      'CONFIG_NOT_YAML',
      `${name}:${line}:${col} is not valid YAML: ${broken.message.split('\n')[0] ?? ''}`,
    );
  }
  const parsed = configFile.superRefine(checkRoles).safeParse(document.toJS({ maxAliasCount: 0 }) ?? {});
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => {
    const path = issue.path.map(String);
    const keys = issue.code === 'unrecognized_keys' ? issue.keys : [];
    const node: unknown = document.getIn(
      [...issue.path.map((step) => (typeof step === 'number' ? step : String(step))), ...keys.slice(0, 1)],
      true,
    );
    const range =
      typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)
        ? Number(node.range[0])
        : undefined;
    const place = range === undefined ? name : `${name}:${lines.linePos(range).line}`;
    return `${place} ${[...path, ...keys].join('.')}: ${keys[0] === undefined ? issue.message : unknownKey(keys[0])}`;
  });
  throw new SnowfenceError(
    'CONFIG_INVALID',
    problems.join('\n'),
    'examples/snowfence.yaml shows every key with a comment.',
  );
}
