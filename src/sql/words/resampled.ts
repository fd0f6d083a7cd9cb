/**
 * What RESAMPLE adds to its table: `METADATA_COLUMNS IS_GENERATED() [[AS] name], BUCKET_START() [[AS] name]` (documentation page
 * constructs/resample). The parser does not see its brackets, so the names are found by their places.
 */
import { isOperator, isWord, type Token } from '../text/lex.js';
import { isName } from './claims.js';

type Pairs = ReadonlyMap<number, number>;

/** The tokens of those names, each once, in the order of the text. */
export function resampledNames(tokens: readonly Token[], pairs: Pairs): readonly number[] {
  const found = new Set<number>();
  tokens.forEach((token, at) => {
    if (!isWord(token, 'RESAMPLE') || !isWord(tokens[at + 2], 'USING')) return;
    const close = pairs.get(at + 1) ?? 0;
    for (let index = at + 3; index < close; index++) {
      if (!isWord(tokens[index], 'IS_GENERATED', 'BUCKET_START') || pairs.get(index + 1) !== index + 2) continue;
      const name = isWord(tokens[index + 3], 'AS') ? index + 4 : index + 3;
      const isEnd = isOperator(tokens[name + 1], ',') || name + 1 === close;
      if (isName(tokens[name]) && isEnd) found.add(name);
    }
  });
  return [...found];
}
