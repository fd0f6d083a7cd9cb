export type { Body, Identifier, TreeNode } from './tree.js';
export { asBody, asList, asText, folded, identifierOf, isBody, nodeOf, textLiteral } from './tree.js';
