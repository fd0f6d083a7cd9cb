/** What is known of a function of Snowflake's own, and which kinds of functions there are. */

/**
 * What calling a function of each class means for whoever has to judge the call.
 * Where a function fits two classes it has the one that is more dangerous.
 */
export const FUNCTION_CLASSES = {
  pure: 'its result depends on its arguments alone',
  aggregate: 'pure, over the rows of a group',
  window: 'pure, over rows in sight of its row; it stands in a window or in MATCH_RECOGNIZE',
  random: 'its result differs from call to call, but it reads nothing',
  time: 'it tells the time',
  table: 'a table made of its arguments alone',
  sequence: 'it takes the next value of a sequence, which is an object of its own',
  context: 'it says what the session or the policy is set to: role, warehouse, database, account, user',
  session: 'it reads or sets what another statement on the connection, or a task or alert around it, did or left',
  system: 'it acts on the account or tells its inner state: SYSTEM$… and kin',
  model: 'it sends its arguments to a model, a search service or an agent, or reads what those keep',
  history: 'it tells what others did: queries, logins, loads, refreshes, costs',
  definition: 'it tells about definitions, grants, policies, users and roles',
  file: 'it reaches files and stages, or makes addresses to them',
  network: 'it tells about addresses in the network',
  encryption: 'it encrypts or decrypts with a key that is given to it',
  notification: 'it makes the parts of a notification that leaves the account',
  metric: 'a data metric function: it reads whatever query it is given',
  dynamic: 'it runs text as a statement',
} as const;

export type FunctionClass = keyof typeof FUNCTION_CLASSES;

export interface SnowflakeFunction {
  /**
   * In capitals. With the schema where Snowflake documents it only so: SNOWFLAKE.CORTEX.COMPLETE,
   * INFORMATION_SCHEMA.QUERY_HISTORY.
   */
  readonly name: string;
  readonly class: FunctionClass;
  /**
   * Number of arguments, as commas outside of inner brackets part them. An argument `** array` stands for any number
   * of them (documentation page operators-expansion).
   */
  readonly least: number;
  /** undefined: any number, as everywhere where the class alone gets a call refused. */
  readonly most: number | undefined;
  /** Names of arguments that may be given as `NAME => value`, as documented. */
  readonly named: readonly string[];
  /** Columns of a table function, as documented, in order; absent where its page names none. */
  readonly columns?: readonly string[];
  /** It stands in FROM: `TABLE(f())`, `LATERAL f()`. */
  readonly isTable: boolean;
  /** It may be written without brackets: CURRENT_DATE. */
  readonly noBrackets: boolean;
  /** `f(*)`, `f(t.*)` is documented. */
  readonly takesStar?: boolean;
  /** Indexes, from 0, of arguments where a date or time part stands as a bare word. */
  readonly datePart?: readonly number[];
  /** Page of the documentation: under sql-reference, unless it starts with user-guide. */
  readonly page: string;
}

/** As the generated list has it: what is usual is left out. */
export interface ListedFunction {
  readonly name: string;
  readonly class: FunctionClass;
  readonly least: number;
  readonly most?: number;
  readonly named?: readonly string[];
  readonly columns?: readonly string[];
  readonly isTable?: true;
  readonly noBrackets?: true;
  readonly takesStar?: true;
  readonly datePart?: readonly number[];
  readonly page?: string;
}
