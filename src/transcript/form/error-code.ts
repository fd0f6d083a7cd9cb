/** What an error is called by whoever raised it: an SQLSTATE of PostgreSQL's, or an error of the operating system such as `ENOENT`. */
export const codeOf = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
