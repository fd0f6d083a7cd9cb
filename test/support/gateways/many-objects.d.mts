export function manyNames(
  count: number,
): readonly { readonly schema: string; readonly name: string; readonly isView: boolean }[];
export function manyObjects(folder: string, count: number): Promise<string>;
export function policyOverMany(group: string, role: string): string;
