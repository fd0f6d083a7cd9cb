/** What the demo says of itself once everything answers. */
import { rename, writeFile } from 'node:fs/promises';

export interface ReadyAgent {
  readonly name: string;
  readonly groups: readonly string[];
  readonly client_id: string;
  readonly client_secret: string;
  readonly token: string;
}

/** What the ready file says; INTERFACE of the demo. */
export interface Ready {
  readonly mcp_url: string;
  readonly sse_url: string;
  readonly console_url: string;
  readonly metrics_url: string;
  readonly issuer: string;
  readonly audience: string;
  readonly agents: readonly ReadyAgent[];
  readonly reviewers: readonly ReadyAgent[];
  readonly database_url: string;
  readonly warehouse: {
    readonly access_url: string;
    readonly account: string;
    readonly username: string;
    readonly password: string;
  };
  readonly config_file: string;
  readonly pids: Record<'gateway' | 'warehouse' | 'postgres', number>;
}

/** Whole or not at all: whoever waits for the file must not read half of it. */
export async function writeReadyFile(path: string, ready: Ready): Promise<void> {
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, `${JSON.stringify(ready, null, 2)}\n`, { mode: 0o600 });
  await rename(temporary, path);
}
