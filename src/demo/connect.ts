/** Clients of the demo's own gateway: the tour's, and those that come before anybody else. */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { Ready, ReadyAgent } from './ready.js';

export async function connect(ready: Ready, agent: ReadyAgent): Promise<Client> {
  const client = new Client({ name: 'snowfence-tour', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(ready.mcp_url), { authProvider: { token: async () => agent.token } }),
  );
  return client;
}

/** Each agent's token seen once, and the tools listed: nothing of that is in the record, and the first query need not wait for it. */
export async function warmUp(ready: Ready): Promise<void> {
  await Promise.all(
    ready.agents.map(async (agent) => {
      const client = await connect(ready, agent);
      await client.listTools();
      await client.close();
    }),
  );
}
