/**
 * Masks as SQL expressions, put in where a column is read, and detectors over free text that leaves. It knows no policy and no table, and never
 * sees a value that a mask hides.
 */
export {
  DETECTOR_KINDS,
  type DetectorKind,
  type DetectRule,
  patternFinder,
  Scrubber,
  type TextMask,
} from './detect/index.js';
export { hiddenInSql } from './hidden-sql.js';
export {
  HASH_FUNCTION,
  HASH_KEY,
  HASH_PARTS,
  isHashed,
  type MaskMethod,
  maskExpression,
  methodName,
  misfit,
  PLACEHOLDER,
  strictness,
} from './methods.js';
export { columnType } from './types.js';
