/** The tools, in the order in which they are listed. Their descriptions are for the model that reads them. */
import { approval } from './tools/approval.js';
import { describe } from './tools/describe.js';
import { explain } from './tools/explain.js';
import { fetchRows } from './tools/fetch.js';
import { query } from './tools/query.js';
import type { Tool } from './tools/tool.js';
import { whoami } from './tools/whoami.js';

export const TOOLS: readonly Tool[] = [query, fetchRows, describe, explain, approval, whoami];
