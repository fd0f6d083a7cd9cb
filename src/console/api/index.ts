/** All addresses of /api. */
import { methodName } from '../../masking/index.js';
import { showRows } from '../../policy/index.js';
import { agent, agents } from './agents.js';
import { approval, approvals, decide, revoke, standing, wholeApproval } from './approvals.js';
import { integrity, retry } from './integrity.js';
import { me, now } from './now.js';
import { policies, tryOut } from './policies.js';
import type { Route } from './route.js';
import { search, session, sessionStatements, sessions, statement, wholeStatement } from './sessions.js';

export const ROUTES: readonly Route[] = [
  me,
  now,
  sessions,
  session,
  sessionStatements,
  statement,
  wholeStatement,
  search,
  approvals,
  approval,
  wholeApproval,
  decide,
  standing,
  revoke,
  policies,
  tryOut({ method: methodName, rows: showRows }),
  agents,
  agent,
  integrity,
  retry,
];
