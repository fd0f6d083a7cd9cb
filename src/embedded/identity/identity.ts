/** Who the demo's identity provider knows. */
export interface Identity {
  readonly name: string;
  readonly groups: readonly string[];
}

export interface IssuedClient extends Identity {
  readonly client_id: string;
  readonly client_secret: string;
}
