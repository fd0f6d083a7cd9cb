/** Who there is in the demo: agents, reviewers, and their tokens. */
import { z } from 'zod';
import type { ReadyAgent } from './ready.js';

export const AGENTS = [
  { name: 'sales-bot', groups: ['sales-agents'] },
  { name: 'pipeline-bot', groups: ['pipeline-agents'] },
  { name: 'stranger', groups: [] },
];
export const REVIEWERS = [
  { name: 'steward', groups: ['data-stewards'] },
  { name: 'deputy', groups: ['data-stewards'] },
  { name: 'auditor', groups: ['auditors'] },
  { name: 'platform', groups: ['platform'] },
];

const tokenAnswer = z.object({ access_token: z.string() });

export async function withToken(
  issuer: string,
  audience: string,
  client: Omit<ReadyAgent, 'token'>,
): Promise<ReadyAgent> {
  const response = await fetch(new URL('/token', issuer), {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'snowfence', resource: audience }),
  });
  return { ...client, token: tokenAnswer.parse(await response.json()).access_token };
}
