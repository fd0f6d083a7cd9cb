/** Values of bind variables, as DuckDB takes them. */
import type { DuckDBValue } from '@duckdb/node-api';
import type { Bind } from '../../../protocol/index.js';

export const bindValue = (bind: Bind): DuckDBValue => {
  if (bind.value === null) return null;
  switch (bind.type) {
    case 'FIXED':
      return /[.eE]/.test(bind.value) ? Number(bind.value) : BigInt(bind.value);
    case 'REAL':
      return Number(bind.value);
    case 'BOOLEAN':
      return bind.value === 'true' || bind.value === '1';
    default:
      return bind.value;
  }
};
