/** Where a request comes from, behind a proxy and without one. */
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { senderOf } from '../../dist/network/addresses.js';

const from = (told?: string | string[]) =>
  ({ socket: { remoteAddress: '10.0.0.1' }, headers: { 'x-forwarded-for': told } }) as unknown as IncomingMessage;

describe('the sender of a request', () => {
  it.each([
    ['is who connects, whatever is told', false, '203.0.113.7', '10.0.0.1'],
    ['is who the proxy names', true, '203.0.113.7', '203.0.113.7'],
    ['is who the proxy adds, not what was sent to it', true, '198.51.100.1, 203.0.113.7', '203.0.113.7'],
    ['may have an address of six', true, '198.51.100.1 ,2001:db8::7', '2001:db8::7'],
    ['is the last of several headers', true, ['198.51.100.1', '203.0.113.7'], '203.0.113.7'],
    ['is the proxy where it names none', true, undefined, '10.0.0.1'],
    ['is the proxy where it names nonsense', true, '203.0.113.7, unknown', '10.0.0.1'],
    ['is the proxy where a name stands', true, 'evil.example', '10.0.0.1'],
    ['is the proxy where something hides behind a comma', true, '203.0.113.7,', '10.0.0.1'],
  ])('%s', (_what, isBehindProxy, told, sender) => {
    expect(senderOf(from(told), isBehindProxy)).toBe(sender);
  });
});
