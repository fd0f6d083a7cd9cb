import type { PolicySet } from '../../dist/policy/index.js';

export function policyOf(says: string, name?: string): string;
export function setOf(...texts: string[]): Promise<PolicySet>;
