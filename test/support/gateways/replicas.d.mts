import type { ChildProcess } from 'node:child_process';
import type { TestPostgres } from '../store/postgres.mjs';

export interface Parts {
  readonly folder: string;
  readonly configurations: readonly string[];
  readonly urls: readonly string[];
  readonly issuer: string;
  readonly agents: readonly { readonly client_id: string; readonly client_secret: string }[];
  readonly postgres: TestPostgres;
  /** Stopped and started again it has forgotten its history, and has the rows of its seed; with another password it lets no gateway in. */
  readonly warehouse: { readonly stop: () => Promise<void>; readonly start: (password?: string) => Promise<void> };
  readonly tokens: readonly string[];
  readonly end: () => Promise<void>;
}

export interface StartedGateway {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
  readonly words: () => string;
}

export function pause(ms: number): Promise<void>;
export function startParts(options: {
  readonly agents: readonly { readonly name: string; readonly groups: readonly string[] }[];
  readonly policies: string;
  readonly replicas?: number;
  readonly limits?: Readonly<Record<string, unknown>>;
  readonly server?: Readonly<Record<string, unknown>>;
  readonly tools?: Readonly<Record<string, unknown>>;
  readonly sections?: Readonly<Record<string, unknown>>;
  readonly webhooks?: readonly Readonly<Record<string, unknown>>[];
  readonly seeds?: readonly string[];
}): Promise<Parts>;
export function startGateway(config: string, url: string): Promise<StartedGateway>;
export function restartPostgres(postgres: TestPostgres): Promise<void>;
