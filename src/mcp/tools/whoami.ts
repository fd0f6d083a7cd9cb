/** The tool that tells somebody who they are here. */
import { z } from 'zod';
import type { Tool } from './tool.js';

export const whoami: Tool = {
  name: 'whoami',
  title: 'Who am I',
  description: 'Says who you are to snowfence, which policies apply to you in words, and your limits.',
  input: z.object({}),
  output: z.object({
    subject: z.string(),
    client_id: z.string(),
    issuer: z.string(),
    groups: z.array(z.string()),
    policies: z.array(z.string()),
    in_words: z.array(z.string()),
    policy_version: z.string(),
    limits: z.object({
      rows: z.number(),
      result_bytes: z.number(),
      timeout_ms: z.number(),
      statements_per_hour: z.number().nullable(),
      concurrent: z.number().nullable(),
    }),
  }),
  isReadOnly: true,
  call: async (_input, { gateway, caller }) => {
    const { principal } = caller;
    const { policies, words, denial, version, limits } = gateway.visible.whoami(principal);
    const told = denial ? [[denial.message, denial.hint].filter(Boolean).join(' '), ...words] : words;
    const out = {
      subject: principal.subject,
      client_id: principal.clientId,
      issuer: principal.issuer,
      groups: principal.groups,
      policies,
      in_words: told,
      policy_version: version,
      limits: {
        rows: limits.rows,
        result_bytes: limits.resultBytes,
        timeout_ms: limits.timeoutMs,
        statements_per_hour: limits.statementsPerHour ?? null,
        concurrent: limits.concurrent ?? null,
      },
    };
    const name = `You are ${principal.subject}, in ${principal.groups.length > 0 ? principal.groups.join(', ') : 'no group'}.`;
    return { text: [name, ...told].join('\n'), structured: out, isError: false };
  },
};
