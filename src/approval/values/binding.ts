/**
 * What a person's yes is bound to: a keyed digest, whole, over everything that makes a statement what it is. Short forms of it are for
 * display alone. The key is not in the store, so nobody who reads there can look for two statements with one digest.
 */
import { asBytes, canonical, type SealedRows } from '../../transcript/index.js';
import type { Requirement } from './enough.js';
import type { Approval, ApprovalText, Request } from './state.js';

/** Whose it is, by which door it came, and under which rules. */
export interface Terms {
  readonly issuer: string;
  readonly subject: string;
  readonly client_id: string;
  /** How statements come in: `mcp`. */
  readonly door: string;
  /** Hexadecimal SHA-256 over kinds, objects, views' texts, masks and row predicates. */
  readonly fits: string;
  readonly policy_version: string;
  readonly requirements: readonly Requirement[];
}

const termsOf = ({ issuer, subject, client_id, door, fits, policy_version, requirements }: Terms) => ({
  issuer,
  subject,
  client_id,
  door,
  fits,
  policy_version,
  requirements: requirements.map(({ issuers, groups, count, rule }) => ({
    issuers: [...issuers].sort(),
    groups: [...groups].sort(),
    count,
    rule,
  })),
});

export interface Bound extends Terms {
  readonly id: string;
  readonly statement_id: string;
  readonly session_id: string;
  /** ISO 8601; it holds no longer. */
  readonly expires_at: string;
  /** Names that nobody may decide under. */
  readonly persons: readonly string[];
  readonly text: ApprovalText;
}

/** Of one statement, asked for once. By each of our keys; the first is for new ones. */
export const bindingsOf = (rows: SealedRows, bound: Bound): readonly [Buffer, ...Buffer[]] =>
  rows.digests(
    'approval v1',
    canonical({
      ...termsOf(bound),
      id: bound.id,
      statement_id: bound.statement_id,
      session_id: bound.session_id,
      expires_at: new Date(bound.expires_at).toISOString(),
      persons: bound.persons,
      text: bound.text,
    }),
  );

/** Of all statements of one shape. */
export const standingBindingsOf = (rows: SealedRows, shape: string, terms: Terms): readonly [Buffer, ...Buffer[]] =>
  rows.digests('standing v1', canonical({ ...termsOf(terms), shape }));

/** Whether one of these is the one that stands in a row. */
export const isAmong = (bindings: readonly Buffer[], stored: unknown): boolean =>
  bindings.some((binding) => asBytes(binding) === stored);

/** The terms of one that was asked for. */
export const termsIn = (
  approval: Pick<Approval, 'issuer' | 'subject' | 'client_id' | 'door' | 'fits' | 'policy_version' | 'requirements'>,
): Terms =>
  termsAsked(
    { issuer: approval.issuer, subject: approval.subject, clientId: approval.client_id },
    {
      text: approval,
      fits: approval.fits,
      policyVersion: approval.policy_version,
      requirements: approval.requirements,
    },
  );

/** What an approval is bound to of whoever asks, and of what. */
export const termsAsked = (
  { issuer, subject, clientId }: { readonly issuer: string; readonly subject: string; readonly clientId: string },
  {
    text,
    fits,
    policyVersion,
    requirements,
  }: Pick<Request, 'fits' | 'policyVersion' | 'requirements'> & {
    readonly text: { readonly door: string };
  },
): Terms => ({
  issuer,
  subject,
  client_id: clientId,
  door: text.door,
  fits,
  policy_version: policyVersion,
  requirements,
});
