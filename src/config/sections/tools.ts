/** Of the configuration: under which names agents meet the tools. */
import { z } from 'zod';

const MAX_PREFIX = 32;

export const toolsShape = z
  .strictObject({
    prefix: z
      .string()
      .max(MAX_PREFIX)
      // What every model's API takes in the name of a function.
      .regex(/^(?:[A-Za-z][A-Za-z0-9_-]*)?$/, 'letters, digits, _ and - with a letter first, such as snowfence_')
      .default(''),
  })
  .prefault({});
