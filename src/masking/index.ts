export {
  DETECTOR_KINDS,
  type DetectorKind,
  type DetectRule,
  patternFinder,
  Scrubber,
  type TextMask,
} from './detect/index.js';
export { HASH_FUNCTION, type MaskMethod, maskExpression, methodName, PLACEHOLDER, strictness } from './methods.js';
