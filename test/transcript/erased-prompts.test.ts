/** What a person typed, once the key of its session is erased: what was masked of it is given on to nobody any more. */
import { afterAll, expect, it } from 'vitest';
import { startStore } from '../support/store/own-store.js';
import { actor } from './fill.mjs';

const { store, admin, end } = await startStore({ connections: 1 });
afterAll(end);

it('is masked from then on, also where this process has read it before', async () => {
  const who = actor('typist');
  const text = 'Tell jane.victim@corp-secret.example that it is done.';
  await store.prompts.report(
    who,
    undefined,
    { text, place: undefined, conversation: undefined },
    async () => undefined,
  );
  const anywhere = { place: undefined, conversation: undefined };
  expect(await store.prompts.newest(who, anywhere)).toMatchObject({ text });
  await admin.query('DELETE FROM session_key');
  const after = await store.prompts.newest(who, anywhere);
  expect(after).toMatchObject({ text: expect.stringContaining('Tell ') });
  expect(JSON.stringify(after)).not.toContain('jane.victim');
});
