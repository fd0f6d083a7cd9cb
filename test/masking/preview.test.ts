import { expect, it } from 'vitest';
import { previewOf, recordMask } from '../../dist/gateway/record/recorded.js';
import { renderEvents } from '../../dist/terminal/events.js';
import { styleFor } from '../../dist/terminal/terminal.js';
import type { StoredEvent } from '../../dist/transcript/index.js';

const previewed = previewOf(recordMask());

it('lists show statements and purposes without the personal data in them', () => {
  const event: StoredEvent = {
    sequence: '1',
    position: 1,
    writer: 'w',
    n: 1,
    hash: '',
    signature: null,
    at: '2026-11-21T10:00:00.000Z',
    session: 's',
    statement: 't',
    kind: 'statement_submitted',
    body: {
      statement: "SELECT * FROM T WHERE EMAIL = 'ann@example.com' AND CARD = '4111 1111 1111 1111'",
      purpose: 'look up ann@example.com',
      binds: ['078-05-1120', 7, null],
      verdict: 'allow',
      masks: [],
    },
  };
  const text = renderEvents([{ ...event, body: previewed(event.body) }], styleFor({}));
  expect(text).toContain("EMAIL = '[email]' AND CARD = '[credit_card]'");
  expect(text).toContain('look up [email]');
  expect(text).not.toMatch(/ann@|4111/);
  expect(previewed(event.body)['binds']).toEqual(['[us_ssn]', 7, null]);
});
