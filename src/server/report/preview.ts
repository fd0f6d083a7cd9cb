/** What the command line shows of statements: without the personal data and secrets that the record masks as well. */
import type { Config } from '../../config/index.js';
import { previewOf, type RecordMask, recordMask } from '../../gateway/index.js';
import { hiddenInSql } from '../../masking/index.js';
import { loadPolicies } from '../../policy/index.js';

const HIDDEN = '[hidden]';

/** For when nobody can say what the policies' own patterns are: every value goes, whatever it is. */
const everything: RecordMask = {
  value: (value) => (Array.isArray(value) ? value.map(() => HIDDEN) : value === null ? null : HIDDEN),
  statement: (text) => hiddenInSql(text, { text: () => HIDDEN }),
  found: new Set([HIDDEN]),
};

/** Goes by the policies of the configuration; where these do not load, no value is shown. */
export async function previewFor(config: Pick<Config, 'policies'>): Promise<<T extends object>(record: T) => T> {
  const set = await loadPolicies(config.policies).catch(() => undefined);
  return previewOf(set ? recordMask(() => set) : () => everything);
}
