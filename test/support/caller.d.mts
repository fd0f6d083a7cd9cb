import type { Caller } from '../../dist/gateway/judge/whose.js';

export const ISSUER: string;
export function callerOf(subject: string, groups: readonly string[], more?: Partial<Caller['principal']>): Caller;
