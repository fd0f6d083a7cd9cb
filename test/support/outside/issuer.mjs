/** An issuer of tokens: what a verifier is told of it, and what it says of itself. */

export const issuerOptions = (issuer, audience, more = {}) => ({
  issuer,
  audience,
  algorithms: ['ES256'],
  groupsClaim: 'groups',
  groupsFrom: [],
  requiredClaims: [],
  requiredScopes: ['snowfence'],
  type: 'at+jwt',
  clockSkew: 30,
  ...more,
});

/** Its discovery document (OpenID Connect Discovery 1.0, section 3). */
export const metadataOf = (issuer, more = {}) => ({
  issuer,
  authorization_endpoint: `${issuer}/auth`,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/jwks`,
  response_types_supported: ['code'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['ES256'],
  ...more,
});
