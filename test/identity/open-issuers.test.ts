/** Issuers that serve everybody, by the table: each with nothing, with what narrows nothing, and with what does. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openIssuerProblem } from '../../dist/identity/open-issuers.js';
import { ENTRA_HOSTS, OPEN_ISSUERS } from '../../dist/identity/open-issuers-list.js';
import { ConfigurationFolder } from '../support/configuration.js';

type Value = string | number | boolean;
type Claims = Record<string, Value | readonly Value[]>;

const MAIL: Claims = { email: 'ana@acme.com', email_verified: true };
const PERSON: Claims = { sub: '1234567890' };

/** Of each: addresses, and what narrows it, in the order of the table's ways. */
const KNOWN: Record<string, { readonly at: readonly string[]; readonly ways: readonly Claims[] }> = {
  'GitHub Actions': {
    at: ['https://token.actions.githubusercontent.com'],
    ways: [
      { repository_owner: 'acme' },
      { repository_owner_id: '9919' },
      { repository: 'acme/etl' },
      { repository_id: 1234 },
      { enterprise: 'acme-inc' },
      { enterprise_id: '77' },
      { sub: 'repo:acme/etl:ref:refs/heads/main' },
    ],
  },
  'GitLab.com': {
    at: ['https://gitlab.com'],
    ways: [
      { namespace_path: 'acme/data' },
      { namespace_id: '12' },
      { project_path: 'acme/etl' },
      { project_id: '53804090' },
      { groups: 'acme' },
      { sub: 'project_path:acme/etl:ref_type:branch:ref:main' },
    ],
  },
  'Google accounts': { at: ['https://accounts.google.com'], ways: [{ hd: 'acme.com' }, PERSON, MAIL] },
  'Microsoft Entra ID for all tenants': {
    at: ENTRA_HOSTS.flatMap((host) =>
      ['common', 'organizations', 'consumers', 'common/v2.0'].map((tenant) => `https://${host}/${tenant}`),
    ),
    ways: [],
  },
  'personal Microsoft accounts': {
    at: [
      ...ENTRA_HOSTS.map((host) => `https://${host}/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0`),
      'https://login.live.com',
    ],
    ways: [{ oid: '00000000-0000-0000-66f3-3332eca7ea81' }, { sub: 'AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ' }],
  },
  Buildkite: {
    at: ['https://agent.buildkite.com'],
    ways: [
      { organization_slug: 'acme' },
      { organization_id: '0184990a-477b-4fa8-9968-496074483cee' },
      { pipeline_id: '0184990a-477b-4fa8-9968-496074483k77' },
      { sub: 'organization:acme:pipeline:etl:ref:refs/heads/main:commit:9f3182061f1e2cca4702c368cbc039b7dc9d4485' },
    ],
  },
  'HCP Terraform': {
    at: ['https://app.terraform.io', 'https://app.eu.terraform.io'],
    ways: [
      { terraform_organization_id: 'org-GRNbCjYNpBB6NEBH' },
      { terraform_organization_name: 'acme' },
      { terraform_workspace_id: 'ws-mbsd5E3Ktt5Rg2Xm' },
      { sub: 'organization:acme:project:Default-Project:workspace:etl:run_phase:apply' },
    ],
  },
  Codefresh: {
    at: ['https://oidc.codefresh.io'],
    ways: [
      { account_id: '628a80b693a15c0f9c13ab75' },
      { sub: 'account:628a80b693a15c0f9c13ab75:pipeline:65e6d5551e47e5bc243ca93f:initiator:x' },
    ],
  },
  'Pulumi Cloud': {
    at: ['https://api.pulumi.com/oidc', 'https://api.pulumi.com/oidc/v2'],
    ways: [
      { 'https://pulumi.com/org': 'acme' },
      { 'https://pulumi.com/org_id': '8fbe6f1d' },
      { sub: 'pulumi:environments:org:acme:env:x' },
    ],
  },
  Vercel: {
    at: ['https://oidc.vercel.com'],
    ways: [
      { owner_id: 'team_7Gw5ZMzpQA8h90F832KGp7nwbuh3' },
      { project_id: 'prj_7Gw5ZMBpQA8h9GF832KGp7nwbuh3' },
      { sub: 'owner:acme:project:acme_website:environment:preview' },
    ],
  },
  'Depot CI': {
    at: ['https://identity.depot.dev'],
    ways: [{ org_id: 'org_a1b2c3d4' }, { repository_owner_id: '12345678' }, { repository_id: '123456789' }],
  },
  'Gitpod and Ona': {
    at: ['https://api.gitpod.io/idp', 'https://app.gitpod.io'],
    ways: [
      { organization_id: 'a1b2c3d4-0000-4000-8000-000000000001' },
      { project_id: 'c9d0e1f2-0000-4000-8000-000000000005' },
      { sub: 'org:a1b2c3d4-0000-4000-8000-000000000001/prj:c9d0e1f2-0000-4000-8000-000000000005/env:x' },
    ],
  },
  Modal: {
    at: ['https://oidc.modal.com'],
    ways: [{ workspace_id: 'ac-12345abcd' }, { sub: 'modal:workspace_id:ac-12345abcd:environment_name:x' }],
  },
  Slack: { at: ['https://slack.com', 'https://slack-gov.com'], ways: [{ 'https://slack.com/team_id': 'T0RR' }] },
  'Salesforce for all organizations': {
    at: ['https://login.salesforce.com', 'https://test.salesforce.com'],
    ways: [
      { organization_id: '00Dx0000000BV7zEAG' },
      { sub: 'https://login.salesforce.com/id/00Dx0000000BV7zEAG/005x00000012Q9PAAU' },
    ],
  },
  'Firebase Authentication': {
    at: ['https://securetoken.google.com/acme-prod'],
    ways: [PERSON, { user_id: 'aBc123' }, MAIL],
  },
  Sigstore: { at: ['https://oauth2.sigstore.dev/auth'], ways: [MAIL, PERSON] },
  'Apple accounts': {
    at: ['https://appleid.apple.com', 'https://account.apple.com'],
    ways: [{ sub: '001234.0a1b2c3d4e.1234' }, { email: 'ana@acme.com', email_verified: 'true' }],
  },
  LinkedIn: { at: ['https://www.linkedin.com/oauth', 'https://www.linkedin.com'], ways: [PERSON, MAIL] },
  Discord: { at: ['https://discord.com'], ways: [PERSON] },
  Yahoo: { at: ['https://api.login.yahoo.com'], ways: [PERSON] },
  Twitch: { at: ['https://id.twitch.tv/oauth2'], ways: [PERSON] },
  LINE: { at: ['https://access.line.me'], ways: [PERSON] },
  Facebook: { at: ['https://www.facebook.com', 'https://limited.facebook.com'], ways: [PERSON] },
  Kakao: { at: ['https://kauth.kakao.com'], ways: [PERSON] },
  PayPal: { at: ['https://www.paypal.com', 'https://www.paypalobjects.com'], ways: [PERSON] },
  ORCID: { at: ['https://orcid.org'], ways: [{ sub: '0000-0002-1825-0097' }] },
  'Hugging Face': { at: ['https://huggingface.co'], ways: [PERSON] },
  'Login.gov': { at: ['https://secure.login.gov', 'https://idp.int.identitysandbox.gov'], ways: [PERSON] },
};

/** What tenants write themselves, or what says who was at it and not whose it is. */
const CHOSEN = [
  'aud',
  'iss',
  'azp',
  'actor',
  'job_workflow_ref',
  'workflow',
  'workflow_ref',
  'ref',
  'environment',
  'event_name',
  'runner_environment',
  'groups_direct',
  'user_login',
  'user_email',
  'name',
  'preferred_username',
  'nickname',
  'email',
  'email_verified',
  'account_name',
  'tid',
  'upn',
  'app_name',
  'workspace_name',
  'constructor',
  '__proto__',
];
const NOBODY: readonly (Value | readonly Value[])[] = [
  true,
  false,
  '',
  ' ',
  '*',
  '.*',
  'acme*',
  '*/*',
  '?',
  ' acme',
  'a\nb',
  [],
  [true],
  ['*'],
];

/** The same issuer in other words. */
const spellings = (address: string): readonly string[] => {
  const url = new URL(address);
  const path = url.pathname === '/' ? '' : url.pathname;
  return [
    address,
    `${address}/`,
    `${address}//`,
    address.toUpperCase().replace('HTTPS', 'https'),
    `https://${url.host}.${path}`,
    `https://${url.host}:8443${path}`,
    `https://${url.host}:443/${path}`,
    `https://${url.host}/${path}`,
    `https://${url.host}/./${path}`,
    ...(path === '' ? [] : [`https://${url.host}${path.replaceAll('o', '%6f')}`]),
  ];
};

describe('the table', () => {
  it('is tried whole', () => {
    expect(Object.keys(KNOWN).sort()).toEqual(OPEN_ISSUERS.map(({ name }) => name).sort());
    for (const { name, ways } of OPEN_ISSUERS)
      expect(KNOWN[name]?.ways.map((way) => Object.keys(way))).toEqual(ways.map((way) => Object.keys(way)));
  });

  it('has examples that narrow', () => {
    for (const { name, example, ways } of OPEN_ISSUERS)
      if (ways.length > 0) expect([name, ...Object.keys(ways[0] ?? {})]).toEqual([name, ...namesOf(example)]);
  });
});

const namesOf = (example: string): string[] =>
  [...example.matchAll(/(?:^|, )(?:"([^"]+)"|(\w+)): /g)].map(([, quoted, plain]) => quoted ?? plain ?? '');

describe.each(Object.entries(KNOWN))('%s', (name, { at, ways }) => {
  const sound = ways.flatMap((way) => (Object.keys(way).length === 1 ? Object.keys(way) : []));

  it('is refused without a claim, in whatever spelling', () => {
    for (const address of at.flatMap(spellings))
      expect([address, openIssuerProblem(address, {})]).toEqual([address, expect.any(String)]);
  });

  it('is refused with claims that name no owner', () => {
    for (const claim of CHOSEN.filter((one) => !sound.includes(one)))
      for (const value of ['acme', 'ana@acme.com', '1', true, ['acme']])
        expect([claim, openIssuerProblem(at[0] ?? '', { [claim]: value })]).toEqual([claim, expect.any(String)]);
  });

  it('is refused with each claim that would do, and a value that does not', () => {
    for (const way of ways)
      for (const [claim, right] of Object.entries(way))
        for (const value of [...NOBODY, ...NOBODY.filter((one) => !Array.isArray(one)).map((one) => [right, one])]) {
          if (claim === 'email_verified' && (value === true || String(value) === 'true')) continue;
          const tried = { ...way, [claim]: value } as Claims;
          if (claim === 'email_verified' && JSON.stringify(value) === JSON.stringify([right, true])) continue;
          expect([tried, openIssuerProblem(at[0] ?? '', tried)]).toEqual([tried, expect.any(String)]);
        }
  });

  it('is refused with a part of what has to be there together', () => {
    for (const way of ways.filter((one) => Object.keys(one).length > 1))
      for (const claim of Object.keys(way)) {
        const { [claim]: _left, ...rest } = way;
        expect(openIssuerProblem(at[0] ?? '', rest)).toEqual(expect.any(String));
      }
  });

  it('is taken with what names an owner', () => {
    for (const address of at)
      for (const way of ways) {
        expect([name, way, openIssuerProblem(address, way)]).toEqual([name, way, undefined]);
        const listed = Object.fromEntries(Object.entries(way).map(([claim, value]) => [claim, [value as Value]]));
        expect(openIssuerProblem(address, { ...listed, ref: 'refs/heads/main' })).toBeUndefined();
      }
  });
});

describe('subjects', () => {
  it.each([
    [
      'https://token.actions.githubusercontent.com',
      'job_workflow_ref:acme/shared/.github/workflows/x.yml@refs/heads/main',
    ],
    ['https://token.actions.githubusercontent.com', 'environment:repo:acme/etl'],
    ['https://token.actions.githubusercontent.com', 'actor:acme'],
    ['https://token.actions.githubusercontent.com', 'repo:acme'],
    ['https://gitlab.com', 'ref:main:project_path:acme/etl'],
    ['https://agent.buildkite.com', 'main'],
    ['https://app.terraform.io', 'acme'],
    ['https://oidc.modal.com', 'ta-12345abcd'],
  ])('of %s that others could have are refused: %s', (issuer, sub) => {
    expect(openIssuerProblem(issuer, { sub })).toEqual(expect.any(String));
  });
});

describe('an issuer of one owner', () => {
  it.each([
    'https://login.example.com',
    'https://token.actions.githubusercontent.com/acme',
    'https://oidc.circleci.com/org/3b8c0f3e',
    'https://oidc.vercel.com/acme',
    'https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0',
    'https://login.microsoftonline.us/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0',
    'https://acme.my.salesforce.com',
    'https://gitlab.example.com',
    'https://gitlab.com.example.com',
    'https://slack.com.example.com',
    'http://127.0.0.1:9000',
  ])('needs nothing more: %s', (issuer) => {
    expect(openIssuerProblem(issuer, {})).toBeUndefined();
  });
});

describe('a configuration', () => {
  let folder: ConfigurationFolder;
  beforeAll(async () => {
    folder = await ConfigurationFolder.make();
  });
  afterAll(() => folder[Symbol.asyncDispose]());
  const tried = (issuer: string, claims: unknown) =>
    folder.tried((draft) => {
      draft.identity.issuers = [{ issuer, audience: 'a', required_claims: claims }];
    });

  it.each(OPEN_ISSUERS.map(({ name }) => name))('is refused with its line and what to write: %s', async (name) => {
    const { at, ways } = KNOWN[name] ?? { at: [], ways: [] };
    expect(await tried(at[0] ?? '', {})).toMatch(
      /snowfence\.yaml:\d+:\d+ identity\.issuers\.0\.issuer: .*(?:required_claims: \{|TENANT)/,
    );
    for (const way of ways) expect(await tried(at[0] ?? '', way)).toBeTypeOf('object');
  });

  it.each(['*', 'repo:acme/*', ' acme', '', ' '])(
    'is refused with a value that reads like more than one: "%s"',
    async (value) => {
      for (const issuer of ['https://login.example.com', 'https://gitlab.com'])
        for (const held of [value, ['acme', value]])
          expect(await tried(issuer, { namespace_path: held })).toMatch(
            /snowfence\.yaml:\d+:\d+ identity\.issuers\.0\.required_claims/,
          );
    },
  );
});
