/** Who asks, and under which rules: taken once for a statement, so that each of its steps goes by the same. */
import type { Principal } from '../../identity/index.js';
import { type InForce, inForce, type PolicySet, type Subject, type Verdict } from '../../policy/index.js';
import type { ClientInfo } from '../../transcript/index.js';
import type { PoolKey } from '../../warehouse/index.js';

export interface Caller {
  readonly principal: Principal;
  readonly client: ClientInfo;
}

/** Whose statement it is, and the rules that are in force for them. */
export interface Whose {
  readonly principal: Principal;
  readonly client: ClientInfo;
  readonly policies: InForce;
  /** When they asked: their token held then. */
  readonly askedAt: Date;
}

/** The policies of now. */
export interface Rules {
  readonly policies: () => PolicySet;
  readonly now: () => Date;
}

/** Taken once for a statement: what it is judged by is what it runs under and what is recorded. */
export const rulesFor = (rules: Rules, subject: Subject): InForce => inForce(rules.policies(), subject, rules.now());

/** Whoever asks, and what was so when they did. */
export const whoseOf = (rules: Rules, { principal, client }: Caller, askedAt: Date): Whose => ({
  principal,
  client,
  policies: rulesFor(rules, principal),
  askedAt,
});

/** By which everything is counted that a principal may have or use up. */
export const nameOf = ({ issuer, subject }: Pick<Subject, 'issuer' | 'subject'>): string => `${issuer} ${subject}`;

/** The connections that a statement takes. */
export const keyOf = (
  { role, warehouse }: Pick<Verdict, 'role' | 'warehouse'>,
  principal: Pick<Subject, 'issuer' | 'subject'>,
): PoolKey => ({ role, warehouse, whose: nameOf(principal) });
