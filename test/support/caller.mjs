/** Who calls, once a door has let them in. */
export const ISSUER = 'https://issuer.example';

/** `more`: what else is known of the principal. */
export const callerOf = (subject, groups, more = {}) => ({
  principal: {
    issuer: ISSUER,
    subject,
    clientId: subject,
    groups,
    scopes: [],
    claims: {},
    tokenId: undefined,
    expiresAt: 4_102_444_800,
    ...more,
  },
  client: { transport: 'test', name: undefined, version: undefined, address: undefined },
});
