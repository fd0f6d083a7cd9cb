/** A session that begins: the event that opens it, and the row that it is found by. */
import { hostname } from 'node:os';
import { storable } from '../form/canonical.js';
import type { ActorKind, Event } from '../form/event.js';
import { timeOrderedId } from '../form/ids.js';
import { sessionTerms } from '../form/projection.js';
import type { ClientNames, Vault } from './vault.js';

/** A session that begins with the event that it comes with. */
export interface NewSession {
  readonly id: string;
  readonly actor: ActorKind;
  readonly issuer: string;
  readonly subject: string;
  readonly clientId: string;
  readonly groups: readonly string[];
  readonly tokenId: string | undefined;
  readonly transport: string;
  readonly client: ClientNames;
  readonly address: string | undefined;
  readonly key: string;
}

/** Who writes: a gateway, or somebody at the command line. */
export interface WriterIdentity {
  readonly actor: 'gateway' | 'operator';
  readonly subject: string;
  readonly groups: readonly string[];
}

/** Of a process itself: its writer bears the name of the session. */
export function ownSession({ actor, subject, groups }: WriterIdentity): NewSession {
  return {
    id: timeOrderedId(),
    actor,
    issuer: 'snowfence',
    subject,
    clientId: `${hostname()}:${process.pid}`,
    groups,
    tokenId: undefined,
    transport: 'none',
    client: { name: null, version: null },
    address: undefined,
    key: '',
  };
}

export const openingOf = (session: NewSession): Event => ({
  kind: 'session_opened',
  sessionId: session.id,
  statementId: undefined,
  body: {
    actor: session.actor,
    issuer: session.issuer,
    subject: session.subject,
    client_id: session.clientId,
    groups: session.groups,
    token_id: session.tokenId ?? null,
    transport: session.transport,
    client: session.client,
    address: session.address ?? null,
    each_client: true,
  },
});

/** With a new key. */
export function sessionRow(session: NewSession, at: Date, vault: Vault): object {
  const { keyId, wrapped } = vault.make(session.id);
  // As the event has it: what was masked there stands in no row.
  const client = vault.shownClient(session.client);
  return {
    id: session.id,
    opened_at: at,
    actor: session.actor,
    issuer: storable(session.issuer),
    subject: storable(session.subject),
    client_id: storable(session.clientId),
    groups: session.groups.map(storable),
    token_id: session.tokenId === undefined ? null : storable(session.tokenId),
    transport: session.transport,
    client: {
      name: client.name && storable(client.name),
      version: client.version && storable(client.version),
    },
    address: session.address === undefined ? null : storable(session.address),
    key: session.key,
    terms: sessionTerms({
      subject: session.subject,
      clientId: session.clientId,
      groups: session.groups,
      client: client.name ?? undefined,
    }).map(storable),
    key_id: keyId,
    wrapped: wrapped.toString('base64'),
  };
}
