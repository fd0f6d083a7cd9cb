/** What a text literal means: escapes and doubled quotes read (documentation page data-types-text, "String constants"). */

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', '0': '\0' };

/** The value of what stands between single quotes (data-types-text, "Escape sequences in single-quoted string constants"). */
export const unescaped = (inner: string): string =>
  inner.replaceAll(
    /''|\\(?:([0-3][0-7]{2})|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|([\s\S]))/g,
    (whole, octal?: string, hex?: string, unicode?: string, other?: string) => {
      if (whole === "''") return "'";
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
      const code = hex ?? unicode;
      if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
      return ESCAPES[other ?? ''] ?? other ?? '';
    },
  );

/** The value of a text literal, delimiters and all, in single quotes or between `$$`. */
export const literalValue = (text: string): string =>
  text.startsWith('$$') ? text.slice(2, -2) : unescaped(text.slice(1, -1));
