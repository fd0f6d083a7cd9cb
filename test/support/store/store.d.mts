import type { RecordKeys, TranscriptStore } from '../../../dist/transcript/index.js';

export function newKeys(): RecordKeys;
export function gatewayUrlOf(adminUrl: string, role?: string): string;
export function openStore(
  adminUrl: string,
  more?: {
    keys?: RecordKeys;
    statementTimeoutMs?: number;
    forged?: ReadonlySet<string>;
    onIntegrityProblem?: (problem: string) => void;
  },
): Promise<TranscriptStore>;
