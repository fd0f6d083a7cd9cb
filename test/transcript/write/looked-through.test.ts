/** Whatever of an event comes from outside is looked through by the detectors: a part that nobody thought of as well. */
import { describe, expect, it } from 'vitest';
import { recordMask } from '../../../dist/gateway/record/recorded.js';
import { Vault } from '../../../dist/transcript/write/vault.js';
import { random } from '../../support/random.mjs';
import { newKeys } from '../../support/store/store.mjs';

const SESSION = '01a1ff8a-7b5b-7f54-b12b-92d183c49a28';
const CARD = 'card 4111 1111 1111 1111';
const CLEAR = /4111/;

const vault = new Vault(newKeys(), recordMask());
vault.make(SESSION);

/** Of any shape, with a card number in each text, and in names of fields here and there. */
function made(next: () => number, depth = 0): unknown {
  const kind = Math.floor(next() * (depth > 2 ? 1 : 4));
  if (kind === 0) return `${CARD}, ${Math.floor(next() * 100)}`;
  if (kind === 1) return Array.from({ length: 1 + Math.floor(next() * 3) }, () => made(next, depth + 1));
  return Object.fromEntries(
    ['object', 'name', 'address', 'kind', CARD, `f${Math.floor(next() * 100)}`].map((key) => [
      key,
      made(next, depth + 1),
    ]),
  );
}

const PARTS =
  'purpose prompt job judged_as binds message denial reason result client problem objects columns writes masks connection cell anything_new'.split(
    ' ',
  );

describe('a part of an event', () => {
  it('is looked through whatever it is called and whatever its shape, sealed, and opened as it was', () => {
    const next = random(1127);
    for (let n = 0; n < 300; n++) {
      const part = PARTS[n % PARTS.length] ?? '';
      const value = part === 'connection' || part === 'prompt' ? { client: made(next), text: CARD } : made(next);
      const body = { [part]: value, kind: 'select' };
      const sealed = vault.seal(SESSION, undefined, body);
      expect(JSON.stringify({ ...sealed, sealed: undefined }), JSON.stringify(body)).not.toMatch(CLEAR);
      expect(vault.open(SESSION, null, sealed)).toEqual({ body, closed: [] });
    }
  });

  it('that is ours stays as it is: digests, names that we give, who somebody is by their issuer', () => {
    const digest = `${'4111111111111111'.repeat(3)}0123456789abcdef`;
    const ours = {
      statement_digest: digest,
      query_id: '01b2-4111-1111-1111-1111',
      principal: { issuer: 'https://login.example.com', subject: 'anna@example.com', client_id: 'a' },
      reviewer: 'steward@example.com',
      names: ['4111 1111 1111 1111'],
      address: '10.0.0.7',
      about: { statement_digest: digest, connection: { transport: 'stdio', address: '10.0.0.7' } },
    };
    expect(vault.seal(SESSION, undefined, ours)).toBe(ours);
    const about = { ...ours.about, connection: { ...ours.about.connection, client: CARD } };
    expect(vault.seal(SESSION, undefined, { about })).toMatchObject({
      about: { ...ours.about, connection: { ...ours.about.connection, client: 'card [credit_card]' } },
      sealed: { about: expect.any(String) },
    });
  });

  it('passes for ours by what it is, and not by where it stands', () => {
    const card = '4111111111111111';
    const list =
      'statement_digest place conversation kind verdict code state source end expires_at since id approval session'.split(
        ' ',
      );
    for (const part of [...list, 'detected', 'sql_state', 'download']) {
      const sealed = vault.seal(SESSION, undefined, { [part]: card, about: { [part]: card } });
      expect(JSON.stringify({ ...sealed, sealed: undefined }).match(/4111/g) ?? [], part).toHaveLength(
        part === 'approval' ? 1 : 0,
      );
    }
    const body = {
      rules: [{ effect: 'allow', kind: 'select', object: `DB.S."${card}"`, policy: 'p', rule: 'p.yaml:5' }],
      rows: [{ object: `DB."${card}".T`, where: `NAME = '${card}'`, rule: 'p.yaml:9' }],
      place: 'a'.repeat(32),
    };
    const sealed = vault.seal(SESSION, undefined, body);
    expect(sealed).toMatchObject({
      rules: [{ ...body.rules[0], object: 'DB.S."[credit_card]"' }],
      rows: [{ object: 'DB."[credit_card]".T', where: "NAME = '[credit_card]'", rule: 'p.yaml:9' }],
      place: body.place,
    });
    expect(vault.open(SESSION, null, sealed)).toEqual({ body, closed: [] });
  });

  it('of values that an agent gives has its numbers looked at as well', () => {
    const body = { binds: [4111111111111111, 7, null, true, '4111111111111111'] };
    const sealed = vault.seal(SESSION, undefined, body);
    expect(sealed['binds']).toEqual(['[credit_card]', 7, null, true, '[credit_card]']);
    expect(vault.open(SESSION, null, sealed).body).toEqual(body);
    expect(vault.seal(SESSION, undefined, { rows: 4111111111111111 })).toEqual({ rows: 4111111111111111 });
  });
});
