import type { Limits } from '../../../dist/gateway/limits/admission.js';

export const GENEROUS: Limits;
export const GENEROUS_CONFIG: Readonly<Record<string, unknown>>;
