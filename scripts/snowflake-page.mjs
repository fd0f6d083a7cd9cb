/** Takes a page of Snowflake's documentation apart, as Markdown copies of it have it. */

const plain = (text) =>
  text
    .replace(/\[((?:[^[\]]|\[[^\]]*\])*)\]\([^)]*\)/gu, '$1')
    .replace(/(?<!\\)\*/gu, '')
    .replace(/\\([_*<>[\]$])/gu, '$1')
    .replace(/`/gu, '')
    .trim();

/** Rows `| [NAME](…/functions/page) | summary | categories |` of the list of all functions. */
export const rows = (text) =>
  text.split('\n').flatMap((line) => {
    const match = /^\|\s*\[(?<cell>.+?)\]\(\/?(?:[\w/.-]*\/)?functions\/(?<page>[\w-]+?)(?:\.md)?\)\s*\|/u.exec(line);
    if (match === null) return [];
    const cells = line.split(/(?<!\\)\|/u).map((cell) => cell.trim());
    const categories = [...(cells.at(-2) ?? '').matchAll(/\[([^\]]+)\]\(/gu)].map(([, category]) => plain(category));
    return [{ cell: plain(match.groups.cell), page: match.groups.page, categories }];
  });

/** The part of a page under a heading, up to the next one of the same or a higher rank. */
export const section = (text, heading) => {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => new RegExp(`^#{1,3}\\s+${heading}\\b`, 'iu').test(line));
  if (start < 0) return '';
  const rank = /^#+/u.exec(lines[start])[0].length;
  const end = lines.findIndex((line, at) => at > start && /^#+\s/u.test(line) && /^#+/u.exec(line)[0].length <= rank);
  return lines.slice(start + 1, end < 0 ? undefined : end).join('\n');
};

/** The code blocks of the section on syntax; quoted ones too, without their marks. */
export const syntaxOf = (page) => {
  const text = section(page, 'Syntax')
    .split('\n')
    .map((line) => line.replace(/^(?:>\s?)+/u, ''))
    .join('\n');
  return [...text.matchAll(/^\s*```\w*\n([\s\S]*?)^\s*```/gmu)].map(([, block]) => block);
};

/**
 * Other names: `Aliases:` and `Variations (and Aliases):` with their lines.
 * @returns lists of names that mean the same
 */
export const aliasesOf = (page) => {
  // `This function can also be called through the alias X.`
  const found = [...plain(page).matchAll(/called through the alias ([A-Z][A-Z0-9_]*)/gu)].map(([, name]) => [name]);
  for (const match of page.matchAll(/^(?:Aliases|Alias|Variations[^:\n]*):\s*\n:\s*([\s\S]*?)(?=^\S)/gmu)) {
    for (const line of match[1].split('\n')) {
      const names = plain(line)
        .replace(/\([^)]*\)/gu, '')
        .split(/\s*,\s*/u)
        .filter((name) => /^[A-Z][A-Z0-9_$]*$/u.test(name));
      if (names.length > 0) found.push(names);
    }
  }
  return found;
};

/** Columns of a table function, from the table of the section on output, or from the head of a drawn one. */
export const columnsOf = (page) => {
  const output = section(page, 'Output') || section(page, 'Returns');
  const lines = output.split('\n').map((line) => line.trim());
  const head = lines.findIndex((line) => /^\|\s*Column(?: Name)?\s*\|/iu.test(line));
  if (head >= 0) {
    const columns = [];
    for (const line of lines.slice(head + 2)) {
      if (!line.startsWith('|')) break;
      const name = plain(line.split('|')[1] ?? '').toUpperCase();
      if (/^[A-Z_][A-Z0-9_$]*$/u.test(name)) columns.push(name);
    }
    return columns;
  }
  const drawn = lines.findIndex((line, at) => /^\+(?:-+\+)+$/u.test(line) && /^\|[-+]+\|$/u.test(lines[at + 2] ?? ''));
  if (drawn < 0) return [];
  const names = lines[drawn + 1].split('|').map((cell) => cell.trim());
  return names.filter((name) => /^[A-Z_][A-Z0-9_$]*$/u.test(name));
};

/** Names and abbreviations of date and time parts, from the two tables of the page on date and time functions. */
export const datePartsOf = (page) =>
  section(page, 'Supported date and time parts')
    .split('\n')
    .filter((line) => /^\|\s*`/u.test(line))
    .flatMap((line) => {
      const [, part, variations] = line.split('|');
      return [...`${part} ${variations}`.matchAll(/`(\w+)`/gu)].map(([, name]) => name.toUpperCase());
    });
