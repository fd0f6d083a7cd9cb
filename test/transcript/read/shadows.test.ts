/**
 * PostgreSQL takes a bare name in ORDER BY for that of an output before that of a column (SELECT, ORDER BY clause). Where an output is
 * made from the column whose name it bears, such as `sequence::text`, the order is that of the texts. So no SQL of ours orders by a bare
 * name that it also gives out as something else.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const SRC = fileURLToPath(new URL('../../../src', import.meta.url));

/** Text of our sources with constants put in where they stand in templates; anything else there is `COMPUTED`. */
class Sources {
  readonly #files = new Map<string, ts.SourceFile>();
  /** Initializers of constants by their file, and by their name alone for those that are imported. */
  readonly #constants = new Map<string, ts.Expression>();

  constructor() {
    for (const name of readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file))) {
      const file = ts.createSourceFile(name, readFileSync(join(SRC, name), 'utf8'), ts.ScriptTarget.Latest, true);
      this.#files.set(name, file);
      for (const statement of file.statements)
        if (ts.isVariableStatement(statement))
          for (const { name: id, initializer } of statement.declarationList.declarations)
            if (initializer) {
              this.#constants.set(`${name} ${id.getText()}`, initializer);
              if (statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword))
                this.#constants.set(id.getText(), initializer);
            }
    }
  }

  #textOf(node: ts.Expression, depth = 0): string {
    if (ts.isStringLiteralLike(node)) return node.text;
    if (ts.isTemplateExpression(node))
      return (
        node.head.text +
        node.templateSpans.map(({ expression, literal }) => this.#textOf(expression, depth) + literal.text).join('')
      );
    if (ts.isIdentifier(node) && depth < 5) {
      const known =
        this.#constants.get(`${node.getSourceFile().fileName} ${node.text}`) ?? this.#constants.get(node.text);
      if (known) return this.#textOf(known, depth + 1);
    }
    return 'COMPUTED';
  }

  /** Every text in which something is ordered, with its place. */
  *ordered(): Generator<{ readonly place: string; readonly sql: string }> {
    for (const [name, file] of this.#files) {
      const found: { place: string; sql: string }[] = [];
      const walk = (node: ts.Node): void => {
        if (ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)) {
          const sql = this.#textOf(node);
          const line = file.getLineAndCharacterOfPosition(node.getStart()).line + 1;
          if (/\bSELECT\b[\s\S]*\bORDER BY\b/.test(sql)) found.push({ place: `${name}:${line}`, sql });
        }
        ts.forEachChild(node, walk);
      };
      walk(file);
      yield* found;
    }
  }
}

/** Names that a text gives out and that are not just the column of that name: `x AS y`, and casts, which are named after their column. */
function made(sql: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [, before = '', name = ''] of sql.matchAll(/(\S+)\s+AS\s+([a-z_]\w*)\b(?!\s*\()/g))
    if (before.replace(/^[a-z_]\w*\./, '') !== name) names.add(name);
  for (const [, name = ''] of sql.matchAll(/\b([a-z_]\w*)::[a-z]/g)) names.add(name);
  return names;
}

/** Bare names that something is ordered by. */
function bareKeys(sql: string): readonly string[] {
  return [...sql.matchAll(/\bORDER BY\s+([^)`]*)/g)].flatMap(([, keys = '']) =>
    (keys.split(/\b(?:LIMIT|OFFSET|FOR|FETCH|FILTER)\b/)[0] ?? '')
      .split(',')
      .map((key) => key.trim().replace(/\s+(?:ASC|DESC)?(?:\s*NULLS\s+\w+)?$/i, ''))
      .filter((key) => /^[a-z_]\w*$/.test(key)),
  );
}

const shadowed = (sql: string): readonly string[] => bareKeys(sql).filter((key) => made(sql).has(key));

describe('ORDER BY', () => {
  const all = [...new Sources().ordered()];

  it('is found in all rooms that have a store, with the columns put in', () => {
    expect(all.length).toBeGreaterThan(40);
    const follower = all.find(({ place }) => place.startsWith('transcript/deliver/follow.ts'));
    expect(follower?.sql).toContain('e.sequence::text AS sequence');
    expect(follower?.sql).toContain('ORDER BY e.sequence');
  });

  it.each(all)('$place is by columns, not by what is made of them', ({ sql }) => {
    expect(shadowed(sql)).toEqual([]);
  });

  it.each([
    ['SELECT sequence::text, kind FROM event WHERE sequence > $1 ORDER BY sequence LIMIT $2', ['sequence']],
    ['SELECT e.position::float8 AS position FROM event e ORDER BY session_id, position', ['position']],
    ["SELECT to_char(at, 'YYYY') AS at FROM leaf ORDER BY at DESC NULLS LAST LIMIT 5", ['at']],
    ['SELECT size::float8 AS size FROM checkpoint ORDER BY size DESC', ['size']],
    ['SELECT n FROM (SELECT a::text AS n FROM t) x ORDER BY n', ['n']],
    ['SELECT e.sequence::text AS sequence FROM event e ORDER BY e.sequence', []],
    ['SELECT s.subject AS agent, s.id AS id FROM session s ORDER BY id', []],
    ['SELECT key_id, count(*)::int AS n FROM session_key GROUP BY key_id ORDER BY key_id', []],
  ])('would be found: %s', (sql, keys) => {
    expect(shadowed(sql)).toEqual(keys);
  });
});
