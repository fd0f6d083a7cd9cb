export { DETECTOR_KINDS, type DetectorKind, scrub, scrubValue } from './detect.js';
export { HASH_FUNCTION, type MaskMethod, maskExpression, methodName, strictness } from './methods.js';
