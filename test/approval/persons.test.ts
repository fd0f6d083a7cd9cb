/** Whoever decides is known as a person by all that tells people apart, whichever door they come by; who can't be told apart has no yes. */
import { describe, expect, it } from 'vitest';
import { isOwn } from '../../dist/approval/index.js';
import { missingOf, personsOf } from '../../dist/approval/values/persons.js';

const [A, B] = ['https://a.example', 'https://b.example'];
type Claims = Readonly<Record<string, unknown>>;

/** By an access token, or a sign-in: the same person at the same issuer. */
const reviewer = (issuer: string, claims: Claims = {}, subject = '0815') => ({
  issuer,
  subject,
  groups: ['stewards'],
  claims,
});
const ANA = { email: 'ana@acme.com' };
const asks = (count: number) => [{ issuers: [A, B], groups: ['stewards'], count, rule: 'p.yaml:1' }];
const token = (claims: Claims, more: object = {}) => ({ issuer: A, subject: 'bot', clientId: 'bot', claims, ...more });

const [MAIL, AGENT] = ['no mail address', 'agent without mail address'];

describe('a yes', () => {
  const workload = { isWorkload: true };
  it.each([
    // Who is behind the agent, how many have to agree, who says yes; what is missing.
    ['nobody, and one has to agree', token({}), 1, reviewer(A), undefined],
    ['nobody, at another issuer', token({}), 1, reviewer(B), undefined],
    ['nobody, and two have to agree', token({}), 2, reviewer(A), MAIL],
    ['nobody, and two have to agree, with a mail address', token({}), 2, reviewer(A, ANA), undefined],
    ['somebody with a mail address', token({ act: { sub: 'ana', ...ANA } }), 1, reviewer(B), MAIL],
    ['the same, at the same issuer', token({ act: { sub: 'ana', ...ANA } }), 1, reviewer(A), MAIL],
    ['the same, whose own is not verified', token(ANA), 1, reviewer(B, { ...ANA, email_verified: false }), MAIL],
    ['the same, known by another', token(ANA), 1, reviewer(B, { email: 'bob@acme.com' }), undefined],
    ['a person without, here', token({}, { subject: 'ana' }), 1, reviewer(A), undefined],
    ['a person without, elsewhere', token({}, { subject: 'ana' }), 1, reviewer(B, ANA), AGENT],
    [
      'a person without, elsewhere: a slash is no issuer',
      token({}, { subject: 'ana' }),
      1,
      reviewer(`${A}/`),
      undefined,
    ],
    ['for whom it acts, without, elsewhere', token({ act: { sub: 'ana' } }), 1, reviewer(B, ANA), AGENT],
    ['of another issuer, without', token({ act: { sub: 'ana', iss: B } }), 1, reviewer(A, ANA), AGENT],
    [
      'of another issuer that calls somebody like the client',
      token({ act: { sub: 'bot', iss: B } }),
      1,
      reviewer(A),
      AGENT,
    ],
    [
      'one with and one without',
      token({ ...ANA, act: { sub: 'ben' } }),
      1,
      reviewer(B, { email: 'bob@acme.com' }),
      AGENT,
    ],
    [
      'the client that acts for somebody',
      token({ ...ANA, act: { sub: 'bot' } }, { subject: 'ana' }),
      1,
      reviewer(B, { email: 'b@x.y' }),
      undefined,
    ],
    [
      'what runs by itself, as the configuration says',
      token({}, { subject: 'u-1', ...workload }),
      1,
      reviewer(B),
      undefined,
    ],
    ['and for somebody of another issuer', token({ act: { sub: 'x', iss: B } }, workload), 1, reviewer(A, ANA), AGENT],
  ])('on a statement of %s', (_name, behind, count, who, missing) => {
    const persons = personsOf(behind);
    expect(isOwn(persons, who)).toBe(false);
    expect(missingOf({ persons, requirements: asks(count) }, who)).toBe(missing);
  });

  it('is refused, or is the own statement, for whoever is behind, by each door of theirs', () => {
    const accounts = [{ sub: 'ana' }, { sub: 'ana', ...ANA }, ANA];
    for (const [issuer, subject] of [
      [A, 'ana'],
      [A, 'ana-admin'],
      [B, '0815'],
    ] as const)
      for (const claims of accounts)
        for (const brought of [{}, ANA, { ...ANA, email_verified: true }, { ...ANA, email_verified: false }]) {
          const persons = personsOf(token({ act: { sub: 'ana', ...claims } }));
          const who = reviewer(issuer, brought, subject);
          const isKnown = isOwn(persons, who) || missingOf({ persons, requirements: asks(1) }, who) !== undefined;
          // Two accounts at one issuer that nothing links but an address which the agent's token lacks are two.
          expect({ issuer, subject, claims, brought, isKnown }).toMatchObject({
            isKnown: subject !== 'ana-admin' || 'email' in claims,
          });
        }
  });
});
