/** One YAML file that somebody wrote: its data, the place of everything in it, and what is wrong there. */
import { type ErrorCode, isMap, isSeq, LineCounter, type Node, parseDocument, visit } from 'yaml';
import type { z } from 'zod';
import { readValue } from './read.js';

/** Where something stands, such as `policies/sales-readers.yaml:11`. */
export type Place = string;

export interface Problem {
  readonly place: Place;
  /** From 1. */
  readonly column: number;
  readonly message: string;
}

type Path = readonly PropertyKey[];

/** What has to be done, by the library's codes (https://eemeli.org/yaml/#errors). */
const BROKEN: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: 'a name that begins with * has nothing before it. Put a text that begins with * into quotes.',
  BAD_ALIAS: 'a text begins with * or & here. Put it into quotes.',
  BAD_COLLECTION_TYPE: 'the tag before it is of another kind. Take out what begins with !.',
  BAD_DIRECTIVE: 'a line begins with %. Put it into quotes, or take it out.',
  BAD_DQ_ESCAPE: 'a backslash in double quotes begins something unknown. Write two backslashes, or single quotes.',
  BAD_INDENT:
    'it is not indented like what it belongs to, or a bracket before it is not closed. Let the keys of one map, and the dashes of one list, begin in one column.',
  BAD_PROP_ORDER: 'what begins with ! or & stands before its dash or colon. Take it out.',
  BAD_SCALAR_START: 'a text can not begin with this sign. Put it into quotes.',
  BLOCK_AS_IMPLICIT_KEY:
    'a second colon stands in this line. Put a text with a colon into quotes, or go on in a new line.',
  BLOCK_IN_FLOW: 'a list or map over several lines stands within brackets. Write it in brackets too.',
  DUPLICATE_KEY: 'this key stands here twice. Keep one of them.',
  IMPOSSIBLE: 'it can not be read as YAML. Write the line anew.',
  KEY_OVER_1024_CHARS: 'a key is longer than 1,024 characters. A quote before it may not be closed.',
  MISSING_CHAR:
    'a sign is missing. Look for a quote or bracket that is not closed, a comma, a dash, or the space after a colon.',
  MULTILINE_IMPLICIT_KEY:
    'a key goes over several lines. Look for a colon that is missing, or a quote that is not closed.',
  MULTIPLE_ANCHORS: 'it has two names that begin with &. Take them out.',
  MULTIPLE_DOCS: 'a second document begins with ---. Write it into a file of its own.',
  MULTIPLE_TAGS: 'it has two tags that begin with !. Take them out.',
  NON_STRING_KEY: 'a key is no text. Put it into quotes.',
  RESOURCE_EXHAUSTION: 'it is nested too deeply. Write it flatter.',
  TAB_AS_INDENT: 'it is indented by a tab. Indent by spaces.',
  TAG_RESOLVE_FAILED: 'a tag that begins with ! is unknown. Put the text into quotes, or take the tag out.',
  UNEXPECTED_TOKEN:
    'something stands here that can not stand here. Look for a bracket or quote that is not closed, or a sign too many.',
};

export class Source {
  readonly name: string;
  readonly problems: Problem[] = [];
  readonly #document: ReturnType<typeof parseDocument>;
  readonly #lines = new LineCounter();
  readonly #whole: string;

  /** `name`: how the file is called in a place; `whole`: how a sentence calls it. */
  constructor(name: string, text: string, whole = 'The file') {
    this.name = name;
    this.#whole = whole;
    this.#document = parseDocument(text, { lineCounter: this.#lines, uniqueKeys: true });
    for (const { pos, code } of this.#document.errors) this.#report(pos[0], `This is not valid YAML: ${BROKEN[code]}`);
    if (this.problems.length === 0)
      visit(this.#document, {
        Alias: (_, node) => {
          const [from = 0] = node.range ?? [];
          this.#report(
            from,
            `"*${node.source}" is read as the name of another place, and those are not taken. Put a text that begins with * into quotes, or write out what is meant.`,
          );
        },
      });
  }

  /** As it is written, by no shape; for a file in which nothing was found that is not YAML. */
  get data(): unknown {
    return this.#document.toJS({ maxAliasCount: 0 });
  }

  /** By its shape; undefined where it has another, which is among the problems then. */
  read<Shape extends z.ZodType>(shape: Shape): z.output<Shape> | undefined {
    if (this.problems.length > 0) return undefined;
    const { data, mistakes } = readValue(shape, this.data, this.#whole);
    for (const { path, isKey, message } of mistakes ?? []) this.#report(this.#offset(path, isKey), message);
    return data;
  }

  #report(offset: number, message: string): void {
    const { line, col } = this.#lines.linePos(offset);
    this.problems.push({ place: `${this.name}:${line}`, column: col, message });
  }

  /** The deepest node on the path that exists: a missing key is reported at its parent. `isKey`: of the key itself, not of its value. */
  #offset(path: Path, isKey = false): number {
    let node: unknown = this.#document.contents;
    for (const [index, step] of path.entries()) {
      let next: unknown;
      if (isMap(node)) {
        const pair = node.items.find(({ key }) => String(key) === String(step));
        next = isKey && index === path.length - 1 ? pair?.key : pair?.value;
      } else if (isSeq(node)) next = node.items[Number(step)];
      if (next === undefined || next === null) break;
      node = next;
    }
    return (node as Node | null)?.range?.[0] ?? 0;
  }

  place(path: Path): Place {
    return `${this.name}:${this.#lines.linePos(this.#offset(path)).line}`;
  }

  report(path: Path, message: string): void {
    this.#report(this.#offset(path), message);
  }
}
