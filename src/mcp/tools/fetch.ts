/** The tool that reads a result on. */
import { z } from 'zod';
import { queryOutput, resultOf } from './answered.js';
import { queryInput } from './statement.js';
import type { Tool } from './tool.js';

const fetchInput = z.object({
  cursor: z.string().max(100).describe('From an answer to query or fetch.'),
  max_rows: queryInput.shape.max_rows,
});

export const fetchRows: Tool = {
  name: 'fetch',
  title: 'Fetch more rows',
  description:
    'The next rows of a result that did not fit into one answer. Takes the cursor of the answer before; the answer carries the next one, or null at the end.',
  input: fetchInput,
  output: queryOutput,
  isReadOnly: true,
  call: async (input, context) => {
    const { cursor, max_rows: maxRows } = fetchInput.parse(input);
    return resultOf(await context.gateway.fetch(context.caller, cursor, { maxRows, signal: context.signal }), context);
  },
};
