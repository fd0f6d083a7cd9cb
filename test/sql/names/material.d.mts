import type { Denial } from '../../../dist/policy/index.js';

type Judge = (sql: string) => Promise<{ readonly sent?: string; readonly denial?: Denial }>;

export function judges(): Promise<{ readonly plain: Judge; readonly masked: Judge }>;
