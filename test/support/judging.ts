/** Judging without a warehouse: a principal of the group `g`, and what is said of its statements over a catalog. */
import { judgeOffline, offlineJudge } from '../../dist/cli/policy/judge.js';
import { Judge } from '../../dist/gateway/judge/judge.js';
import type { PolicySet, Subject } from '../../dist/policy/index.js';
import type { CatalogReader } from '../../dist/sql/index.js';
import { DEFAULTS } from './catalog.js';

export const BOT: Subject = {
  issuer: 'https://issuer.example',
  subject: 'bot',
  clientId: 'bot',
  groups: ['g'],
  claims: {},
};

/** It keeps nothing of what another one has judged. */
export const judgeOver = (reader: CatalogReader): Judge =>
  new Judge({
    catalogs: { version: 1, reader: () => reader },
    defaults: DEFAULTS,
    onUnreachable: () => undefined,
    onDisagreement: () => undefined,
  });

/** All policies of the set are in force. */
export const judgedOver = (reader: CatalogReader, set: PolicySet, sql: string) =>
  judgeOver(reader).judge(BOT, { set, policies: set.policies }, { sql });

/** As `snowfence policy explain` has it. */
export const judgedOffline = (reader: CatalogReader, set: PolicySet, sql: string) =>
  judgeOffline({
    set,
    judge: offlineJudge(reader),
    subject: BOT,
    sql,
    purpose: undefined,
    prompt: undefined,
    at: new Date('2026-01-01T00:00:00Z'),
  });
