import type { Client } from 'pg';
import type { StoreRoles } from '../../../dist/transcript/store/rights.js';

export function tryStoreChanges(
  db: Client,
  roles: StoreRoles,
  options?: { share?: number; seed?: number; isWanted?: (change: string) => boolean },
): Promise<{ made: number; unseen: string[] }>;
