export { affectedRowsQuery, writtenRows } from './affected.js';
export { analyse, lookUp, type Named, readNames } from './analyse.js';
export type {
  Access,
  Analysis,
  ColumnUse,
  FullAnalysis,
  FunctionUse,
  ObjectUse,
  Origin,
  OutputColumn,
} from './analysis.js';
export { shownUses, withoutViews } from './analysis.js';
export { Budget } from './budget.js';
export {
  type CatalogReader,
  type Check,
  type ColumnInfo,
  type Constraints,
  type Defaults,
  type Key,
  type ObjectName,
  objectKey,
  type Reference,
  type RelationInfo,
  showIdentifier,
  showObject,
} from './catalog.js';
export { type KeptAnalysis, type KeptStatement, keptAnalysis, keptRefused, keptStatement } from './kept.js';
export { STATEMENT_KINDS, type StatementKind } from './kind.js';
export { isOperator, isWord, joined, lex, type Piece, pieces, quoteLiteral, type Token } from './lex.js';
export { type ColumnPart, isTouching, Making, madeOf } from './made-of.js';
export { type Count, isUnknown } from './names/index.js';
export { cteNames, Disagreement, RustParser, secondOpinion } from './opinion.js';
export { loadParsers } from './parsers.js';
export { type Position, positionAt, positionsOf, Refusal, type RefusalCode } from './refusal.js';
export { type Rewritten, rewrite, type Treatment, type Treatments } from './rewrite.js';
export { namesNoTable } from './scans.js';
export { spending } from './spending.js';
export { readStatement, type Statement, tokensOf } from './statement.js';
export type { Body, Identifier, TreeNode } from './tree.js';
export { asBody, asList, asText, folded, identifierOf, isBody, nodeOf, textLiteral } from './tree.js';
export { originsOfView } from './view-columns.js';
