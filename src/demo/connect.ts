/** Clients of the demo's own gateway: the tour's, and those that come before anybody else. */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { z } from 'zod';
import type { Ready, ReadyAgent } from './ready.js';

export async function connect(ready: Ready, agent: ReadyAgent): Promise<Client> {
  const client = new Client({ name: 'snowfence-tour', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(ready.mcp_url), { authProvider: { token: async () => agent.token } }),
  );
  return client;
}

/** Of what an agent may read, so many tables are looked up: its first question is likely to be about one of them. */
const LOOKS = 8;

const listed = z.object({ objects: z.array(z.object({ object: z.string() })) });

/**
 * Each agent's token seen once, the tools listed, and what may be called without a word in the record: the first query need not wait for
 * what is done there first.
 */
export async function warmUp(ready: Ready): Promise<void> {
  await Promise.all(
    ready.agents.map(async (agent) => {
      const client = await connect(ready, agent);
      await client.listTools();
      await client.callTool({ name: 'whoami', arguments: {} });
      const { objects } = listed.parse((await client.callTool({ name: 'describe', arguments: {} })).structuredContent);
      for (const { object } of objects.slice(0, LOOKS))
        await client.callTool({ name: 'describe', arguments: { object } });
      await client.close();
    }),
  );
}
