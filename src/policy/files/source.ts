/** One file of policies: its data, the place of everything in it, and what is wrong there. */
import { isMap, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import type { z } from 'zod';
import type { Place, Problem } from '../rules/problems.js';
import { suggestion } from './spelling.js';

export class Source {
  readonly name: string;
  readonly problems: Problem[] = [];
  readonly #document: ReturnType<typeof parseDocument>;
  readonly #lines = new LineCounter();

  constructor(name: string, text: string) {
    this.name = name;
    this.#document = parseDocument(text, { lineCounter: this.#lines, uniqueKeys: true });
    for (const error of this.#document.errors) this.#report(error.pos[0], error.message.split('\n')[0] ?? 'not YAML');
  }

  get data(): unknown {
    return this.#document.toJS({ maxAliasCount: 0 });
  }

  #report(offset: number, message: string): void {
    const { line, col } = this.#lines.linePos(offset);
    this.problems.push({ place: `${this.name}:${line}`, column: col, message });
  }

  /** The deepest node on the path that exists: a missing key is reported at its parent. */
  #offset(path: readonly PropertyKey[]): number {
    let node: unknown = this.#document.contents;
    for (const step of path) {
      let next: unknown;
      if (isMap(node)) next = node.items.find((pair) => String(pair.key) === String(step))?.value;
      else if (isSeq(node)) next = node.items[Number(step)];
      if (next === undefined || next === null) break;
      node = next;
    }
    return (node as Node | null)?.range?.[0] ?? 0;
  }

  place(path: readonly PropertyKey[]): Place {
    return `${this.name}:${this.#lines.linePos(this.#offset(path)).line}`;
  }

  report(path: readonly PropertyKey[], message: string): void {
    this.#report(this.#offset(path), message);
  }

  reportZod(error: z.ZodError): void {
    for (const issue of error.issues) {
      const unknown = issue.code === 'unrecognized_keys' ? issue.keys : [];
      if (unknown.length === 0)
        this.report(issue.path, `${issue.path.map(String).join('.') || 'The file'}: ${issue.message}`);
      for (const key of unknown) this.report([...issue.path, key], `Unknown key "${key}".${suggestion(key)}`);
    }
  }
}
