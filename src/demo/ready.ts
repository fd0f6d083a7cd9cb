/** What the demo says of itself once everything answers. */
import { rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

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

/** Where the token of an agent or a reviewer is, for clients that read it from a file and for people who want to see it. */
export const tokenFile = ({ config_file: configFile }: Pick<Ready, 'config_file'>, who: string): string =>
  join(dirname(configFile), `${who}.token`);

/** The token of each agent and reviewer into a file of its own, which only its owner reads. */
export async function writeTokens(ready: Ready): Promise<void> {
  for (const { name, token } of [...ready.agents, ...ready.reviewers])
    await writeFile(tokenFile(ready, name), token, { mode: 0o600 });
}

/** Whole or not at all: whoever waits for the file must not read half of it. */
export async function writeReadyFile(path: string, ready: Ready): Promise<void> {
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, `${JSON.stringify(ready, null, 2)}\n`, { mode: 0o600 });
  await rename(temporary, path);
}
