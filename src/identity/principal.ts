/** Who is calling, as a verified token says. */
export interface Principal {
  readonly issuer: string;
  readonly subject: string;
  readonly clientId: string;
  readonly groups: readonly string[];
  readonly scopes: readonly string[];
  /** The token's own id (`jti`), undefined where the issuer gives none. */
  readonly tokenId: string | undefined;
  /** Seconds since the epoch. */
  readonly expiresAt: number;
  readonly claims: Readonly<Record<string, unknown>>;
  /** Whoever runs the gateway says that this issuer's tokens name no people. */
  readonly isWorkload?: boolean;
}

export type TokenProblem =
  | 'missing'
  | 'malformed'
  | 'unknown issuer'
  | 'wrong audience'
  | 'expired'
  | 'bad signature'
  | 'algorithm not allowed'
  | 'scope missing'
  | 'claims missing'
  /** Rightly signed, by an issuer that serves others as well, and for one of those. */
  | 'not ours'
  | 'issuer unreachable';

/** A token that proves nobody. The problem goes to the log; a caller hears only that the token is not accepted. */
export class TokenRefused extends Error {
  readonly problem: TokenProblem;

  constructor(problem: TokenProblem, detail = '') {
    super(detail ? `${problem}: ${detail}` : problem);
    this.name = 'TokenRefused';
    this.problem = problem;
  }
}
