import type { TokenVerifier } from '../../../dist/identity/index.js';

type IssuerOptions = ConstructorParameters<typeof TokenVerifier>[0][number];

export function issuerOptions(issuer: string, audience: string, more?: object): IssuerOptions;
export function metadataOf(issuer: string, more?: object): Readonly<Record<string, unknown>>;
