export function wronglyFound(
  count?: number,
): readonly { readonly kind: string; readonly wrong: number; readonly byColumn: Readonly<Record<string, number>> }[];
