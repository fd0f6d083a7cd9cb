export function manipulate(
  count: number,
  seed: number,
  share: number,
): Promise<{ made: number; missed: string[]; found: Record<string, number> }>;
