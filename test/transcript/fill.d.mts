import type { Pool } from 'pg';
import type { NewCursor } from '../../dist/gateway/answer/cursors.js';
import type { Event, TranscriptStore } from '../../dist/transcript/index.js';

interface TestActor {
  issuer: string;
  subject: string;
  clientId: string;
  groups: string[];
  tokenId: string;
}
export function actor(name: string, groups?: string[]): TestActor;
export const client: { transport: string; name: string; version: string; address: string };
export function submitted(session: string, statement: string, more?: object): Event;
export function completed(session: string, statement: string, more?: object): Event;
export function refused(session: string, statement: string, more?: object): Event;
export function putIn(
  pool: Pick<Pool, 'query'>,
  writer: string | undefined,
  session: string,
  events: readonly object[],
): Promise<unknown>;
export function cursorOf(session: string, statement: string): NewCursor;
export function writeRefused(store: TranscriptStore, name: string, events: number): Promise<string>;
export function lengthen(store: TranscriptStore, session: string, events: number): Promise<void>;
export function fill(
  store: TranscriptStore,
  options?: { agents?: number; statements?: number; seed?: number },
): Promise<string[]>;
