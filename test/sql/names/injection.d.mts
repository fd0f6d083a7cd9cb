/** What is sent for a text, as a judge answers it. */
type Judge = (sql: string) => Promise<{ readonly sent?: string; readonly denial?: unknown }>;
type Forms = ReadonlyMap<string, ReadonlyMap<string, string>>;

export function maskedForms(judge: Judge): Promise<Forms>;
export function rawMention(sent: string, forms: Forms): string | undefined;
