/** The issuers that serve everybody, and what of a token of theirs names an owner. Each entry names the provider's page. */
/** Claims that have to be asked for together, each with what its value has to look like. */
export type Way = Readonly<Record<string, RegExp>>;

export interface OpenIssuer {
  readonly name: string;
  /** On host and path, in small letters, without the slash at the end. */
  readonly address: RegExp;
  /** What makes its tokens somebody's: one of these is enough. Empty where nothing does, and it can't be taken. */
  readonly ways: readonly Way[];
  /** Of the first way. */
  readonly example: string;
}

const ID = /^[\w.:|-]+$/;
const NUMBER = /^\d+$/;
/** Of `email_verified`, which is the one claim whose value is a word of yes: some providers say it as a text. */
const VERIFIED = /^true$/;

/** An address that the provider has seen the person read mail at (OpenID Connect Core 1.0, section 5.1, "email_verified"). */
const MAIL: Way = { email: /^[^@\s]+@[^@\s]+\.[^@\s]+$/, email_verified: VERIFIED };
/** The person, whom no other account is (OpenID Connect Core 1.0, section 2, "sub"). */
const PERSON: Way = { sub: ID };

/** An issuer whose accounts anybody can open: who is meant is said one by one. */
const accounts = (name: string, address: RegExp, ways: readonly Way[] = [PERSON]): OpenIssuer => ({
  name,
  address,
  ways,
  example: 'sub: "1234567890"',
});

/** learn.microsoft.com/entra/identity-platform/authentication-national-cloud, "Microsoft Entra authentication endpoints", and those before. */
export const ENTRA_HOSTS = [
  'login.microsoftonline.com',
  'login.microsoftonline.us',
  'login.partner.microsoftonline.cn',
  'login.chinacloudapi.cn',
  'login.microsoftonline.de',
  'login.windows.net',
  'login.microsoft.com',
  'sts.windows.net',
  'sts.microsoftonline.us',
  'sts.chinacloudapi.cn',
] as const;
const ENTRA = ENTRA_HOSTS.map((host) => host.replaceAll('.', '\\.')).join('|');

export const OPEN_ISSUERS: readonly OpenIssuer[] = [
  {
    // docs.github.com/actions/reference/security/oidc, "OIDC token claims"; an enterprise's own issuer has its name behind a slash.
    // Not `job_workflow_ref`: the workflow that is called, which may be anybody's caller's ("Using OpenID Connect with reusable
    // workflows"). A subject is made of claims that its owner picks ("Customizing the subject claims"); it begins with the first.
    name: 'GitHub Actions',
    address: /^token\.actions\.githubusercontent\.com$/,
    ways: [
      { repository_owner: /^[\w-]+$/ },
      { repository_owner_id: NUMBER },
      { repository: /^[\w-]+\/[\w.-]+$/ },
      { repository_id: NUMBER },
      { enterprise: /^[\w-]+$/ },
      { enterprise_id: NUMBER },
      {
        sub: /^(?:repo:[\w@-]+\/[\w.@-]+|repository:[\w-]+\/[\w.-]+|repository_owner:[\w-]+|(?:repository|repository_owner|enterprise)_id:\d+)(?::|$)/,
      },
    ],
    example: 'repository_owner: acme',
  },
  {
    // docs.gitlab.com/ci/secrets/id_token_authentication, "Token payload": `groups_direct` is of whoever started the job, not of whose
    // job it is; a subject begins with its project (docs.gitlab.com/api/projects, ci_id_token_sub_claim_components). People's tokens:
    // docs.gitlab.com/integration/openid_connect_provider, "Shared information"; their subject is a number.
    name: 'GitLab.com',
    address: /^gitlab\.com$/,
    ways: [
      { namespace_path: /^[\w.-]+(?:\/[\w.-]+)*$/ },
      { namespace_id: NUMBER },
      { project_path: /^[\w.-]+(?:\/[\w.-]+)+$/ },
      { project_id: NUMBER },
      { groups: /^[\w.-]+(?:\/[\w.-]+)*$/ },
      { sub: /^(?:project_path:[\w.-]+(?:\/[\w.-]+)+(?::|$)|\d+$)/ },
    ],
    example: 'namespace_path: acme',
  },
  {
    // developers.google.com/identity/openid-connect/openid-connect, "An ID token's payload": hd is there for accounts of a Workspace only.
    name: 'Google accounts',
    address: /^accounts\.google\.com$/,
    ways: [{ hd: /^[\w-]+(?:\.[\w-]+)+$/ }, PERSON, MAIL],
    example: 'hd: acme.com',
  },
  {
    // learn.microsoft.com/entra/identity-platform/id-token-claims-reference, "iss": tokens name a tenant, never these addresses.
    name: 'Microsoft Entra ID for all tenants',
    address: new RegExp(`^(?:${ENTRA})/(?:common|organizations|consumers)(?:/|$)`),
    ways: [],
    example: '',
  },
  {
    // The same page, "tid": the tenant of all personal Microsoft accounts. Not `email`, which is "mutable" and need not be verified.
    name: 'personal Microsoft accounts',
    address: new RegExp(`^(?:(?:${ENTRA})/9188040d-6c67-4c5b-b112-36a304b66dad(?:/|$)|login\\.live\\.com(?:/|$))`),
    ways: [{ oid: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i }, PERSON],
    example: 'oid: 00000000-0000-0000-0000-000000000000',
  },
  {
    // buildkite.com/docs/agent/v3/cli-oidc and buildkite.com/docs/pipelines/security/oidc
    name: 'Buildkite',
    address: /^agent\.buildkite\.com$/,
    ways: [
      { organization_slug: /^[\w-]+$/ },
      { organization_id: ID },
      { pipeline_id: ID },
      { sub: /^organization:[\w-]+:pipeline:[\w-]+(?::|$)/ },
    ],
    example: 'organization_slug: acme',
  },
  {
    // developer.hashicorp.com/terraform/cloud-docs/workspaces/dynamic-provider-credentials/workload-identity-tokens
    name: 'HCP Terraform',
    address: /^app(?:\.eu)?\.terraform\.io$/,
    ways: [
      { terraform_organization_id: /^org-\w+$/ },
      { terraform_organization_name: /^[\w-]+$/ },
      { terraform_workspace_id: /^ws-\w+$/ },
      { sub: /^organization:[\w-]+:project:[^:]+:workspace:[\w-]+(?::|$)/ },
    ],
    example: 'terraform_organization_id: org-GRNbCjYNpBB6NEBH',
  },
  {
    // github.com/sigstore/fulcio, docs/oidc.md and pull request 1593 ("Add Codefresh OIDC provider")
    name: 'Codefresh',
    address: /^oidc\.codefresh\.io$/,
    ways: [{ account_id: ID }, { sub: /^account:[0-9a-f]+:pipeline:[0-9a-f]+(?::|$)/ }],
    example: 'account_id: 628a80b693a15c0f9c13ab75',
  },
  {
    // www.pulumi.com/docs/esc/guides/configuring-oidc/custom-audience, "Token formats"
    name: 'Pulumi Cloud',
    address: /^api\.pulumi\.com\/oidc(?:\/v2)?$/,
    ways: [
      { 'https://pulumi.com/org': /^[\w-]+$/ },
      { 'https://pulumi.com/org_id': ID },
      { sub: /^pulumi:[\w-]+:org:[\w-]+(?::|$)/ },
    ],
    example: '"https://pulumi.com/org": acme',
  },
  {
    // vercel.com/docs/oidc/reference and vercel.com/docs/oidc/api: the global mode; a team's own issuer has its name behind a slash.
    name: 'Vercel',
    address: /^oidc\.vercel\.com$/,
    ways: [{ owner_id: ID }, { project_id: ID }, { sub: /^owner:[\w-]+:project:[\w.-]+(?::|$)/ }],
    example: 'owner_id: team_a1b2c3',
  },
  {
    // modal.com/docs/guide/oidc-integration, "How it works"
    name: 'Modal',
    address: /^oidc\.modal\.com$/,
    ways: [{ workspace_id: /^ac-\w+$/ }, { sub: /^modal:workspace_id:ac-\w+(?::|$)/ }],
    example: 'workspace_id: ac-12345abcd',
  },
  {
    // depot.dev/docs/ci/oidc, "The Depot CI OIDC token"
    name: 'Depot CI',
    address: /^identity\.depot\.dev$/,
    ways: [{ org_id: /^org_\w+$/ }, { repository_owner_id: NUMBER }, { repository_id: NUMBER }],
    example: 'org_id: org_a1b2c3',
  },
  {
    // www.gitpod.io/docs/gitpod/configuration/oidc (subjects of the second version), ona.com/docs/ona/configuration/oidc, "Token structure"
    name: 'Gitpod and Ona',
    address: /^(?:api\.gitpod\.io\/idp|app\.gitpod\.io)$/,
    ways: [
      { organization_id: /^[0-9a-f-]{36}$/ },
      { project_id: /^[0-9a-f-]{36}$/ },
      { sub: /^(?:org:[0-9a-f-]{36}\/|organization_id:[0-9a-f-]{36}(?::|$))/ },
    ],
    example: 'organization_id: 01234567-89ab-7000-8000-000000000000',
  },
  {
    // docs.slack.dev/reference/methods/openid.connect.token: ids of people are told beside their workspace's, so that is asked for.
    name: 'Slack',
    address: /^(?:slack|slack-gov)\.com$/,
    ways: [{ 'https://slack.com/team_id': /^[TE][A-Z0-9]+$/ }],
    example: '"https://slack.com/team_id": T0RR',
  },
  {
    // help.salesforce.com, "OpenID Connect Token Introspection" and "Identity URLs": a subject is the identity URL, id/ORGANIZATION/USER.
    name: 'Salesforce for all organizations',
    address: /^(?:login|test)\.salesforce\.com$/,
    ways: [
      { organization_id: /^00D\w{12,15}$/ },
      { sub: /^https:\/\/(?:login|test)\.salesforce\.com\/id\/00D\w{12,15}\/005\w{12,15}$/ },
    ],
    example: 'organization_id: 00D000000000000AAA',
  },
  {
    // firebase.google.com/docs/auth/admin/verify-id-tokens, "Verify ID tokens using a third-party JWT library": one project's, but where
    // sign-up is open (firebase.google.com/docs/auth/web/password-auth) whoever has the public API key makes an account in it.
    name: 'Firebase Authentication',
    address: /^securetoken\.google\.com(?:\/|$)/,
    ways: [PERSON, { user_id: ID }, MAIL],
    example: 'sub: "1234567890abcdef"',
  },
  {
    // docs.sigstore.dev/certificate_authority/oidc-in-fulcio: the address is what the person's own provider verified.
    name: 'Sigstore',
    address: /^oauth2\.sigstore\.dev\/auth$/,
    ways: [MAIL, PERSON],
    example: 'email: ana@acme.com, email_verified: true',
  },
  // developer.apple.com/documentation/signinwithapple/authenticating-users-with-sign-in-with-apple
  accounts('Apple accounts', /^(?:appleid|account)\.apple\.com$/, [PERSON, MAIL]),
  // learn.microsoft.com/linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2, "Discovery Document"
  accounts('LinkedIn', /^(?:www\.)?linkedin\.com(?:\/|$)/, [PERSON, MAIL]),
  // docs.discord.com/developers/topics/oauth2: /.well-known/openid-configuration; a subject is the user's id.
  accounts('Discord', /^discord(?:app)?\.com(?:\/|$)/),
  // developer.yahoo.com/sign-in-with-yahoo, "Get Yahoo user info"
  accounts('Yahoo', /^api\.login\.yahoo\.com$/),
  // dev.twitch.tv/docs/authentication/getting-tokens-oidc
  accounts('Twitch', /^id\.twitch\.tv(?:\/|$)/),
  // developers.line.biz/en/docs/line-login/verify-id-token
  accounts('LINE', /^access\.line\.me$/),
  // developers.facebook.com/docs/facebook-login/limited-login/token
  accounts('Facebook', /^(?:www\.|limited\.)?facebook\.com(?:\/|$)/),
  // developers.kakao.com/docs/latest/en/kakaologin/utilize, "OpenID Connect"
  accounts('Kakao', /^kauth\.kakao\.com$/),
  // developer.paypal.com/docs/log-in-with-paypal/integrate
  accounts('PayPal', /^(?:www\.)?paypal(?:objects)?\.com(?:\/|$)/),
  // github.com/ORCID/ORCID-Source, orcid-api-web/tutorial/openid.md
  accounts('ORCID', /^(?:sandbox\.)?orcid\.org$/),
  // huggingface.co/docs/hub/oauth
  accounts('Hugging Face', /^huggingface\.co$/),
  // developers.login.gov/oidc/getting-started
  accounts('Login.gov', /^(?:secure\.login|idp\.int\.identitysandbox)\.gov$/),
];
