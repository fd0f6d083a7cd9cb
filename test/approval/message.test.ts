/** What reviewers read in their chat: enough to know what it is about, nothing that a client takes for markup, no way to decide. */
import { describe, expect, it } from 'vitest';
import { type Approval, type Approvals, approvalMessage } from '../../dist/approval/index.js';
import { previewOf, recordMask } from '../../dist/gateway/record/recorded.js';
import { payloadFor } from '../../dist/server/report/notify.js';
import type { StoredEvent, Webhook } from '../../dist/transcript/index.js';

const HOSTILE = '<https://evil.example|click> [click](https://evil.example) *bold* <!channel> & more';
const approval = {
  id: '0b4e7a1e-0000-4000-8000-000000000001',
  subject: `bot ${HOSTILE}`,
  issuer: 'https://issuer.example',
  client_id: 'bot',
  state: 'denied',
  purpose: `Write to jane.doe@example.com. ${HOSTILE}`,
  statement: `DELETE FROM T WHERE MAIL = 'jane.doe@example.com' -- ${HOSTILE} ${'x'.repeat(5000)}`,
  sent: `DELETE FROM "A"."B"."T" WHERE MAIL = 'jane.doe@example.com' OR NAME IN ( ${"'some name' , ".repeat(200)}'x' )`,
  requirements: [{ issuers: ['https://issuer.example'], groups: ['data-stewards'], count: 2, rule: 'p.yaml:1' }],
  expires_at: new Date('2026-11-21T22:00:00Z'),
  about: {
    kind: 'delete',
    objects: [{ object: 'A.B.T', access: 'write', via: [] }],
    columns: ['A.B.T.MAIL'],
    written: [],
    every_row_of: null,
    masks: [],
    row_predicates: [],
    rules: [],
    reasons: [],
    estimate: { rows: 12, bytes: null, of: 1200, uncounted: null, unweighed: 'hidden' },
  },
  decisions: [
    {
      reviewer: 'https://issuer.example carl',
      decision: 'deny',
      reason: `Because. ${HOSTILE}`,
      decided_at: new Date('2026-11-21T21:00:00Z'),
      standing_ms: null,
    },
  ],
  outcome: null,
} as unknown as Approval;

const payload = payloadFor(
  { publicUrl: new URL('https://snowfence.example.com/mcp') },
  {
    get: async (id: string) => (id === approval.id ? approval : undefined),
    changed: async () => undefined,
  } as unknown as Approvals,
  previewOf(recordMask()),
  () => undefined,
);
const event = (kind: string, body: object = {}): StoredEvent =>
  ({
    kind,
    body: { approval: approval.id, ...body },
    at: 'x',
    session: 's',
    statement: null,
  }) as unknown as StoredEvent;
const hook = (format: Webhook['format']): Webhook => ({ format }) as Webhook;
const messageOf = async (kind: string, format: Webhook['format']) =>
  JSON.parse((await payload(event(kind), hook(format))) ?? 'null');

/** Every text of a message that its client would read as markup. */
function* markup(node: unknown): Generator<string> {
  if (typeof node !== 'object' || node === null) return;
  const { type, text } = node as Record<string, unknown>;
  if (typeof text === 'string' && (type === 'mrkdwn' || type === 'TextBlock' || type === undefined)) yield text;
  for (const value of Object.values(node)) yield* markup(value);
}

describe.each(['slack', 'teams'] as const)('a message for %s', (format) => {
  it('says who wants what on what, and leads to the console', async () => {
    const message = await messageOf('approval_asked', format);
    const text = JSON.stringify(message);
    for (const part of [
      'DELETE on A.B.T waits for approval',
      'bot <https',
      '12 rows; the table has 1,200',
      'not told, because something in its tables is masked',
      'A.B.T (write)',
      '2 of data-stewards',
      '2026-11-21 22:00:00 UTC',
    ])
      expect(text).toContain(part);
    const links = [...text.matchAll(/"url":"([^"]*)"/g)].map(([, url]) => url);
    expect(links).toEqual([`https://snowfence.example.com/console/approvals/${approval.id}`]);
    expect(text.length).toBeLessThan(8000);
  });

  it('has no personal data, and nothing of the agent that is read as markup', async () => {
    for (const kind of ['approval_asked', 'approval_decided', 'approval_expired', 'approval_withdrawn']) {
      const message = await messageOf(kind, format);
      expect(JSON.stringify(message)).not.toContain('jane.doe');
      for (const text of markup(message)) expect(text).not.toMatch(/[<>]|\]\(/);
    }
  });

  it('has the text as sent beside the one as written, and says how much of each has no place here', async () => {
    const text = JSON.stringify(await messageOf('approval_asked', format));
    expect(text).toContain('Statement as written');
    expect(text).toContain('As sent to Snowflake');
    expect(text).toContain(String.raw`DELETE FROM \"A\".\"B\".\"T\" WHERE MAIL = '[email]' OR NAME IN ( 'some name' ,`);
    expect(text.match(/\d+ of its \d+ characters are not shown here/g)).toHaveLength(2);
    expect(text).not.toContain('<b>');
  });

  it('tells of a decision', async () => {
    expect(JSON.stringify(await messageOf('approval_decided', format))).toContain(
      'carl said no, 2026-11-21 21:00:00 UTC: Because.',
    );
  });

  it.each([
    ['agent', 'was withdrawn by its agent'],
    ['standing', 'waits no longer: a standing approval stands for it'],
    ['allowed', 'waits no longer: the same ran as the rules allow'],
    [undefined, 'waits no longer'],
  ] as const)('tells who ended one that was withdrawn, and why: %s', (why, words) => {
    const ended = { state: 'withdrawn', at: undefined, why, instead: undefined, outcome: undefined } as const;
    const message = approvalMessage(format, 'approval_withdrawn', { ...approval, ended }, 'https://a.example/console');
    expect(JSON.stringify(message)).toContain(`DELETE on A.B.T ${words}"`);
  });
});

it('says nothing of what an agent only repeats, nor of other events', async () => {
  expect(await payload(event('approval_asked', { waiting: 'x' }), hook('slack'))).toBeUndefined();
  expect(await payload(event('statement_submitted'), hook('teams'))).toBeUndefined();
  expect(await payload(event('approval_asked', { approval: 'unknown' }), hook('slack'))).toBeUndefined();
  expect(JSON.parse((await payload(event('approval_asked'), hook('standard'))) ?? '')).toMatchObject({
    type: 'approval.asked',
  });
});
