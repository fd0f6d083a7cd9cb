/**
 * Issuers that serve everybody: whoever has an account there, or a free repository, gets a token signed by them, for whatever audience
 * they ask. Such a signature says nothing about whose the token is, so only a claim that names the owner makes it one of ours. The
 * providers say so themselves; each entry names its page.
 *
 * Not here are issuers with an owner in their address (CircleCI's https://oidc.circleci.com/org/ORGANIZATION, Bitbucket's
 * https://api.bitbucket.org/2.0/workspaces/WORKSPACE/…, Azure DevOps' https://vstoken.dev.azure.com/ORGANIZATION, a Microsoft Entra
 * tenant): their address without that owner discovers nothing.
 */

interface OpenIssuer {
  readonly name: string;
  /** On host and path, in small letters, without the slash at the end. */
  readonly address: RegExp;
  /** Claims that name an owner: one of them is enough. Empty where nothing narrows it, and it can't be taken. */
  readonly claims: readonly string[];
  readonly example: string;
}

const OPEN_ISSUERS: readonly OpenIssuer[] = [
  {
    // docs.github.com/actions/reference/security/oidc, "OIDC token claims"; an enterprise's own issuer has its name behind a slash.
    name: 'GitHub Actions',
    address: /^token\.actions\.githubusercontent\.com$/,
    claims: [
      'repository_owner',
      'repository_owner_id',
      'repository',
      'repository_id',
      'enterprise',
      'enterprise_id',
      'job_workflow_ref',
      'sub',
    ],
    example: 'repository_owner: acme',
  },
  {
    // docs.gitlab.com/ci/secrets/id_token_authentication, "Token payload"; people's tokens: docs.gitlab.com/integration/openid_connect_provider
    name: 'GitLab.com',
    address: /^gitlab\.com$/,
    claims: ['namespace_id', 'namespace_path', 'project_id', 'project_path', 'groups', 'groups_direct', 'sub'],
    example: 'namespace_path: acme',
  },
  {
    // developers.google.com/identity/openid-connect/openid-connect, "An ID token's payload": hd is there for accounts of a Workspace only.
    name: 'Google accounts',
    address: /^accounts\.google\.com$/,
    claims: ['hd', 'email', 'sub'],
    example: 'hd: acme.com',
  },
  {
    // learn.microsoft.com/entra/identity-platform/id-token-claims-reference, "iss": tokens name a tenant, never these addresses.
    name: 'Microsoft Entra ID for all tenants',
    address:
      /^(?:login\.microsoftonline\.com|sts\.windows\.net|login\.windows\.net)\/(?:common|organizations|consumers)(?:\/|$)/,
    claims: [],
    example: '',
  },
  {
    // The same page, "tid": the tenant of all personal Microsoft accounts.
    name: 'personal Microsoft accounts',
    address:
      /^(?:login\.microsoftonline\.com|sts\.windows\.net|login\.windows\.net)\/9188040d-6c67-4c5b-b112-36a304b66dad(?:\/|$)/,
    claims: ['email', 'oid', 'sub'],
    example: 'oid: 00000000-0000-0000-0000-000000000000',
  },
  {
    // buildkite.com/docs/agent/v3/cli-oidc and buildkite.com/docs/pipelines/security/oidc
    name: 'Buildkite',
    address: /^agent\.buildkite\.com$/,
    claims: ['organization_slug', 'organization_id', 'pipeline_id', 'sub'],
    example: 'organization_slug: acme',
  },
  {
    // developer.hashicorp.com/terraform/cloud-docs/workspaces/dynamic-provider-credentials/workload-identity-tokens
    name: 'HCP Terraform',
    address: /^app(?:\.eu)?\.terraform\.io$/,
    claims: ['terraform_organization_id', 'terraform_organization_name', 'terraform_workspace_id', 'sub'],
    example: 'terraform_organization_id: org-GRNbCjYNpBB6NEBH',
  },
  {
    // github.com/sigstore/fulcio, docs/oidc.md and pull request 1593 ("Add Codefresh OIDC provider")
    name: 'Codefresh',
    address: /^oidc\.codefresh\.io$/,
    claims: ['account_id', 'account_name', 'sub'],
    example: 'account_name: acme',
  },
  {
    // www.pulumi.com/docs/esc/guides/configuring-oidc/custom-audience, "Token formats"; of the older issuer only the subject is told.
    name: 'Pulumi Cloud',
    address: /^api\.pulumi\.com\/oidc(?:\/v2)?$/,
    claims: ['https://pulumi.com/org', 'https://pulumi.com/org_id', 'sub'],
    example: '"https://pulumi.com/org": acme',
  },
  {
    // vercel.com/docs/oidc/reference and vercel.com/docs/oidc/api: the global mode; a team's own issuer has its name behind a slash.
    name: 'Vercel',
    address: /^oidc\.vercel\.com$/,
    claims: ['owner_id', 'project_id', 'sub'],
    example: 'owner_id: team_a1b2c3',
  },
  {
    // docs.sigstore.dev/certificate_authority/oidc-in-fulcio
    name: 'Sigstore',
    address: /^oauth2\.sigstore\.dev\/auth$/,
    claims: ['email', 'sub'],
    example: 'email: ana@acme.com',
  },
  {
    // developer.apple.com/documentation/signinwithapple/authenticating-users-with-sign-in-with-apple
    name: 'Apple accounts',
    address: /^appleid\.apple\.com$/,
    claims: ['email', 'sub'],
    example: 'email: ana@acme.com',
  },
];

/** What has to be said of such an issuer before its tokens are taken; undefined where that is done, or where it serves one owner. */
export function openIssuerProblem(issuer: string, claims: readonly string[]): string | undefined {
  if (!URL.canParse(issuer)) return undefined;
  const { hostname, pathname } = new URL(issuer);
  const address = `${hostname.replace(/\.$/, '')}${pathname.replace(/\/+$/, '')}`.toLowerCase();
  const open = OPEN_ISSUERS.find((entry) => entry.address.test(address));
  if (!open || open.claims.some((claim) => claims.includes(claim))) return undefined;
  if (open.claims.length === 0)
    return `${issuer} stands for ${open.name}, and no token names it. Write your own tenant's issuer: https://login.microsoftonline.com/TENANT/v2.0.`;
  return `${open.name} (${issuer}) gives tokens to everybody, so it has to be said whose are taken: add "required_claims: { ${open.example} }". One of ${open.claims.join(', ')} is needed.`;
}
