/** The tool that reads a result on, or a long cell whole. */
import { z } from 'zod';
import { queryOutput, resultOf } from './answered.js';
import { queryInput } from './statement.js';
import type { Tool } from './tool.js';

const fetchInput = z.object({
  cursor: z
    .string()
    .max(100)
    .describe('From an answer of the query tool or the fetch tool: its cursor, or that of its cut cells.'),
  max_rows: queryInput.shape.max_rows,
  row: z.number().int().min(1).optional().describe('With column: the row of a cut cell, as the answer counts it.'),
  column: z
    .union([z.number().int().min(1), z.string().max(1000)])
    .optional()
    .describe('With row: the column of a cut cell, by its number from 1 or its name.'),
});

export const fetchRows: Tool = {
  name: 'fetch',
  title: 'Fetch more rows',
  description:
    'The next rows of a result that did not fit into one answer: takes the cursor of the answer before; the answer carries the next one, or null at the end. With row and column: one cell whole of which an answer had the beginning alone (its "cut" says which).',
  input: fetchInput,
  output: queryOutput,
  isReadOnly: true,
  call: async (input, context) => {
    const { cursor, max_rows: maxRows, row, column } = fetchInput.parse(input);
    if ((row === undefined) !== (column === undefined))
      throw new Error('row and column belong together: both for one cell whole, neither for the next rows.');
    const cell = row === undefined || column === undefined ? undefined : { row, column };
    const { gateway, caller, signal } = context;
    return resultOf(await gateway.fetch(caller, cursor, { maxRows, cell, signal }), context);
  },
};
