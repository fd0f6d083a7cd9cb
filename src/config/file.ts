/**
 * The configuration file of `serve`. Secrets never stand in it: each is named by an environment variable or a file, and the schema
 * has no place for a value.
 */
import { z } from 'zod';
import { Source } from '../mistakes/index.js';
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

/** Throws a SnowfenceError that names the place of each thing that is wrong, and what has to be there. */
export function parse(name: string, text: string): ConfigFile {
  const source = new Source(name, text, 'The configuration');
  const isYaml = source.problems.length === 0;
  const data = source.read(configFile.superRefine(checkRoles));
  if (data) return data;
  throw new SnowfenceError(
    isYaml ? 'CONFIG_INVALID' : 'CONFIG_NOT_YAML',
    source.problems.map(({ place, column, message }) => `${place}:${column} ${message}`).join('\n'),
    'examples/snowfence.yaml shows every key with a comment.',
  );
}
