/** The tool that runs a statement. */
import { queryOutput, resultOf } from './answered.js';
import { queryInput, requestOf } from './statement.js';
import type { Tool } from './tool.js';

export const query: Tool = {
  name: 'query',
  title: 'Run SQL on Snowflake',
  description:
    'Runs one SQL statement on Snowflake under the policies that apply to you, and answers its rows. Some columns may be masked and some rows hidden; the answer says which. A denied statement has not run: the denial says why and what would work. Everything is recorded.',
  input: queryInput,
  output: queryOutput,
  isReadOnly: false,
  call: async (input, context) =>
    resultOf(await context.gateway.query(context.caller, requestOf(queryInput.parse(input), context)), context),
};
