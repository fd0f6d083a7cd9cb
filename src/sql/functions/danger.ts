/** Functions that do more than compute, and why a policy has to list each. */
import type { FunctionClass } from './classes.js';

/** Classes of Snowflake's functions that do more than compute: a policy has to list each by its name. */
export type Danger = Exclude<FunctionClass, 'pure' | 'aggregate' | 'window' | 'random' | 'time' | 'table'>;

const REASONS: Readonly<Record<Danger, string>> = {
  session: 'the connection is shared, and it would read what another agent ran',
  system: 'it acts on the Snowflake account',
  model: 'it sends data to a model',
  history: 'it tells what others did',
  definition: 'it tells about definitions and accounts',
  context: 'it tells about definitions and accounts',
  file: 'it reaches files',
  network: 'it tells about the network',
  encryption: 'it works with keys',
  notification: 'it makes messages that leave the account',
  metric: 'it reads whatever it is pointed at',
  dynamic: 'it runs text as a statement',
  sequence: 'it takes a number from a sequence',
};

/** Names that Snowflake has reserved for itself, listed or not: a function of tomorrow is as dangerous as its kin of today. */
const FAMILIES: readonly { readonly class: Danger; readonly names: RegExp }[] = [
  { class: 'system', names: /^SYSTEM\$/ },
  { class: 'model', names: /^(?:AI_|SNOWFLAKE\.CORTEX\.|SNOWFLAKE\.ML\.)/ },
  { class: 'history', names: /^(?:[^.]+\.)?INFORMATION_SCHEMA\./ },
  { class: 'session', names: /^(?:RESULT_SCAN|LAST_QUERY_ID|LAST_TRANSACTION)$/ },
];

/** What makes a function dangerous, by its listed class or its family; undefined if nothing does. */
export function dangerOf(
  name: string,
  listed?: FunctionClass,
): { readonly class: Danger; readonly reason: string } | undefined {
  const found = isDanger(listed) ? listed : FAMILIES.find(({ names }) => names.test(name.toUpperCase()))?.class;
  return found && { class: found, reason: REASONS[found] };
}

const isDanger = (listed: FunctionClass | undefined): listed is Danger =>
  listed !== undefined && Object.hasOwn(REASONS, listed);
