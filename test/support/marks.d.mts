export function withoutMarks(text: string): string;
