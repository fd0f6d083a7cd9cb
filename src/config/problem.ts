/** A mistake that the user can mend: said in one paragraph, with what to do. Exit code 2 unless said otherwise. */
export class SnowfenceError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  readonly exitCode: 1 | 2;

  constructor(code: string, message: string, hint?: string, exitCode: 1 | 2 = 2) {
    super(message);
    this.name = 'SnowfenceError';
    this.code = code;
    this.hint = hint;
    this.exitCode = exitCode;
  }
}
