/** The record against the warehouse's own history, as Snowflake keeps it: texts cut at 100K characters, seven days and no longer. */
import { expect, inject, it } from 'vitest';
import { agent, cli, query } from '../../support/demo.js';

const ready = inject('ready');

interface Reconciled {
  readonly since: string;
  readonly recorded: number;
  readonly differences: readonly { readonly kind: string; readonly statement: string | null }[];
}

const reconciled = async (since: string): Promise<Reconciled> => {
  const { out } = await cli(['reconcile', '--since', since, '--json', '--config', ready.config_file]);
  return JSON.parse(out) as Reconciled;
};

it('knows a long text again by what the history keeps of it', async () => {
  const bot = await agent(ready, 'pipeline-bot');
  const long = `'${'x'.repeat(150_000)}'`;
  const read = await query(bot, `SELECT COUNT(*) AS N FROM ANALYTICS.SALES.ORDERS WHERE STATUS <> ${long}`, {
    purpose: 'to send a long text',
  });
  await bot.close();
  expect(read.status).toBe('ok');
  const { differences, recorded } = await reconciled('1h');
  expect(recorded).toBeGreaterThan(0);
  expect(differences.filter(({ statement }) => statement === read.statement_id)).toEqual([]);
});

it('goes as far back as the history does, and says how far', async () => {
  const { since } = await reconciled('7d');
  const days = (Date.now() - Date.parse(since)) / 86_400_000;
  expect(days).toBeLessThan(7);
  expect(days).toBeGreaterThan(6.9);
});
