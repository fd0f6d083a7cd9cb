/** What an event says of an end is read in one place, and says the same to everybody. */
import { describe, expect, it } from 'vitest';
import { readEnd } from '../../../dist/transcript/form/end.js';
import type { StoredEvent } from '../../../dist/transcript/form/event.js';
import { outcomeRow } from '../../../dist/transcript/form/projection.js';
import { type SessionSummary, toOcsf } from '../../../dist/transcript/index.js';

const SESSION = '01a2172e-33ec-7345-b772-302e2ccfb9bc';
const STATEMENT = '01a2172e-33ec-7345-b772-302e2ccfb9bd';
const event = (kind: StoredEvent['kind'], body: object, position = 2): StoredEvent =>
  ({
    sequence: String(position),
    position,
    at: '2026-11-26T00:00:00.000Z',
    session: SESSION,
    statement: STATEMENT,
    kind,
    body,
    hash: 'h',
  }) as unknown as StoredEvent;
const session = {
  id: SESSION,
  subject: 'bot',
  issuer: 'https://issuer',
  client_id: 'bot',
  client: { name: 'first-client', version: '1' },
  transport: 'streamable-http',
  address: '192.0.2.1',
  groups: [],
  opened_at: new Date(0),
} as unknown as SessionSummary;
const connection = { transport: 'sse', client: 'second-client', client_version: '2', address: '192.0.2.2' };
const OPENING = event(
  'statement_submitted',
  { statement: 'DELETE FROM T', kind: 'delete', purpose: 'Why not.', connection },
  1,
);

interface Ocsf {
  readonly message: string;
  readonly actor: { readonly app_name: string };
  readonly src_endpoint: object;
  readonly unmapped: Readonly<Record<string, unknown>>;
}
const ocsf = (kind: StoredEvent['kind'], body: object): Ocsf =>
  toOcsf(event(kind, body), OPENING, session, '1', undefined) as Ocsf;

const about = {
  approval: { id: 'a-1', reviewers: ['https://issuer steward', 'https://issuer ciso'] },
  prompt: 'p-1',
  connection,
};

describe('the rows of an end', () => {
  it.each([
    ['what a change changed', 'statement_completed', { rows: 1, rows_touched: 7 }, 7, 7],
    ['nothing, where it changed nothing', 'statement_completed', { rows: 1, rows_touched: 0 }, 0, 0],
    ['what was answered', 'statement_completed', { rows: 3 }, 3, undefined],
    [
      'what was answered to a change whose number is not known',
      'statement_completed',
      { rows: 1, rows_touched: null },
      1,
      undefined,
    ],
    ['what the history says', 'statement_settled', { state: 'ok', rows: 5 }, 5, undefined],
    ['none of what was rolled back', 'statement_failed', { rows_touched: 9, rolled_back: true }, undefined, undefined],
    ['none of the filters of a refused one', 'statement_refused', { rows: [{ object: 'T' }] }, undefined, undefined],
  ] as const)('are %s', (_, kind, body, rows, changed) => {
    expect(readEnd(event(kind, body))).toMatchObject({ rows, rowsChanged: changed });
    expect(outcomeRow(event(kind, body))?.rows).toBe(rows ?? null);
    const { unmapped } = ocsf(kind, body);
    expect([unmapped['rows'], unmapped['rows_changed']]).toEqual([rows, changed]);
  });

  it('of a file are those that were given out, and no outcome of the statement', () => {
    const body = { end: 'whole', rows: 9, file_bytes: 70, format: 'csv', download: 'd-1' };
    expect(ocsf('download_ended', body).unmapped).toMatchObject({ rows: 9, file_bytes: 70, format: 'csv' });
    expect(outcomeRow(event('download_ended', body))).toBeUndefined();
  });
});

describe('who is behind an end', () => {
  it.each(['statement_completed', 'statement_failed', 'statement_cancelled', 'statement_settled'] as const)(
    'is who approved: %s',
    (kind) => {
      expect(readEnd(event(kind, { about }))).toMatchObject({
        approval: 'a-1',
        reviewers: ['https://issuer steward', 'https://issuer ciso'],
        prompt: 'p-1',
        approvalEnd: undefined,
      });
      expect(ocsf(kind, { about })).toMatchObject({
        message: 'bot ran a statement that was approved',
        unmapped: {
          approval: 'a-1',
          reviewers: ['https://issuer steward', 'https://issuer ciso'],
          purpose: 'Why not.',
        },
      });
    },
  );

  it.each([
    [
      'approval_decided',
      { approval: 'a-1', issuer: 'https://issuer', reviewer: 'steward', decision: 'deny', state: 'denied' },
      'denied',
      ['https://issuer steward'],
    ],
    ['approval_expired', { approval: 'a-1', reason: 'time' }, 'expired', []],
    ['approval_withdrawn', { approval: 'a-1', reason: 'APPROVED by steward' }, 'withdrawn', []],
  ] as const)('is told apart where nothing ran: %s', (kind, body, end, reviewers) => {
    expect(readEnd(event(kind, body))).toMatchObject({ approvalEnd: end, approval: 'a-1', reviewers });
  });

  it('is no agent: its words stand by themselves', () => {
    const withdrawn = readEnd(event('approval_withdrawn', { approval: 'a-1', reason: 'APPROVED by steward' }));
    expect(withdrawn).toMatchObject({ detail: undefined, agentsReason: 'APPROVED by steward' });
    const told = ocsf('approval_withdrawn', { approval: 'a-1', reason: 'APPROVED by steward' });
    const { unmapped, ...ours } = told;
    expect(unmapped).toMatchObject({ purpose: 'Why not.', withdrawn_because: 'APPROVED by steward' });
    expect(JSON.stringify(ours)).not.toMatch(/APPROVED|Why not/);
  });

  it('is the gateway only where the event says so, whatever an agent writes', () => {
    const words = 'its agent sent it once more, and a standing approval stands for that';
    const own = { approval: 'a-1', by: 'gateway', code: 'RAN_UNDER_STANDING', instead: 's-2', standing: 'st-1' };
    expect(readEnd(event('approval_withdrawn', own))).toMatchObject({
      withdrawal: { by: 'gateway', code: 'RAN_UNDER_STANDING', words },
      code: 'RAN_UNDER_STANDING',
      detail: words,
      agentsReason: undefined,
    });
    const { message, unmapped, action, disposition } = ocsf('approval_withdrawn', own) as unknown as Record<
      string,
      unknown
    >;
    expect([message, action, disposition]).toEqual([
      expect.stringContaining('sent a statement once more'),
      'Replaced',
      'Replaced',
    ]);
    expect(unmapped).not.toHaveProperty('withdrawn_because');
    // An earlier version named the statement alone that was sent in its place, and put its own words where the agent's stand.
    const earlier = { approval: 'a-1', reason: 'it was sent once more', instead: 's-2', standing: 'st-1' };
    expect(readEnd(event('approval_withdrawn', earlier))).toMatchObject({
      withdrawal: { by: 'gateway', code: 'RAN_UNDER_STANDING', words },
      code: 'RAN_UNDER_STANDING',
      detail: words,
      agentsReason: undefined,
    });
    const allowed = { approval: 'a-1', by: 'gateway', code: 'RAN_AS_ALLOWED', instead: 's-2' };
    expect(readEnd(event('approval_withdrawn', allowed))?.detail).toContain('as the rules allow');
    // Of an agent's, and of those of earlier versions, which name nobody.
    for (const by of ['agent', undefined, 'gateway ', ['gateway']]) {
      const forged = { approval: 'a-1', by, reason: words };
      expect(readEnd(event('approval_withdrawn', forged))).toMatchObject({
        withdrawal: { by: 'agent' },
        code: 'APPROVAL_WITHDRAWN',
        detail: undefined,
        agentsReason: words,
      });
    }
  });

  it('is the client that the statement came by, whichever its session began with', () => {
    for (const body of [{}, { about }])
      expect(ocsf('statement_completed', body)).toMatchObject({
        actor: { app_name: 'second-client' },
        src_endpoint: { ip: '192.0.2.2' },
      });
  });
});

describe('an event that ends nothing', () => {
  it.each([
    ['approval_decided', { state: 'approved', reviewer: 'steward' }],
    ['approval_asked', { approval: 'a-1' }],
    ['rows_fetched', { rows: 5 }],
    ['download_opened', { format: 'csv' }],
  ] as const)('is none: %s', (kind, body) => {
    expect(readEnd(event(kind, body))).toBeUndefined();
  });
});
