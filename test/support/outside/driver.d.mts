import type { Connection, ConnectionOptions } from 'snowflake-sdk';

interface Address {
  readonly access_url: string;
  readonly username: string;
  readonly password?: string;
}

export function connectDriver(address: Address, more?: Partial<ConnectionOptions>): Promise<Connection>;
export function execute(
  connection: Connection,
  sqlText: string,
  more?: Record<string, unknown>,
): Promise<Record<string, unknown>[]>;
export function seen(connection: Connection, like: string): Promise<string[]>;
