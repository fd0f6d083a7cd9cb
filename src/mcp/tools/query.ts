/** The tool that runs a statement. */
import { queryOutput, resultOf } from './answered.js';
import { queryInput, requestOf } from './statement.js';
import type { Tool } from './tool.js';

export const query: Tool = {
  name: 'query',
  title: 'Run SQL on Snowflake',
  description: `Runs one SQL statement on Snowflake under the policies that apply to you, and answers its rows.
Can run, where your policies allow it (the whoami tool says which): SELECT with all that belongs to it, DESCRIBE TABLE, INSERT, UPDATE, DELETE, MERGE. Never runs: SHOW, EXPLAIN (the describe tool and the explain tool answer those), DDL, TRUNCATE, COPY, CALL, GRANT, USE and SET, transactions, several statements at once.
Rows that a model has no use for (thousands of them, or a file that the user asked for): with format (csv, jsonl, parquet) the answer has a link to the whole result instead of rows, which the user's own access token opens once within an hour; up to your limits, max_rows included.
Some columns may be masked and some rows hidden; the answer says which. Values may come as ? or :1 in binds.
A denied statement has not run; its code says how to go on: NOT_UNDERSTOOD, mend the place that it names; OBJECT_DENIED or COLUMN_DENIED, ask the describe tool for what you may read; KIND_DENIED or FUNCTION_DENIED, do without; LIMIT_REACHED, narrow or aggregate, or wait as it says; PURPOSE_REQUIRED, say in purpose what the user asked; RECORDER_UNAVAILABLE or WAREHOUSE_UNAVAILABLE, try again later. approval_required: call the approval tool with the id that it answers. Everything is recorded.`,
  input: queryInput,
  output: queryOutput,
  isReadOnly: false,
  call: async (input, context) =>
    resultOf(await context.gateway.query(context.caller, requestOf(queryInput.parse(input), context)), context),
};
