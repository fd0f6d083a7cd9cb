/** Of a store that stands in for the transcript's: what keeps nothing, and knows of nothing that was reported. */
export const KEEPS_NOTHING = {
  prompts: { newest: async () => undefined },
  contents: { keep: async () => undefined },
  vault: { shown: (sql: string) => sql, digest: (text: string) => Buffer.from(text) },
};
