/** What `--help` says of every option and argument of every command, generated from the table of commands. */
import type { Command, Option } from 'commander';
import { describe, expect, it } from 'vitest';
import { MAX_STANDING_MS, MAX_STANDING_USES, STANDING_USES } from '../../dist/approval/index.js';
import { commandLine } from '../../dist/cli/commands/table.js';
import { timeOf } from '../../dist/transcript/index.js';

const WIDTH = 80;

const all = (command: Command, names: readonly string[] = []): { name: string; command: Command }[] => [
  { name: names.join(' '), command },
  ...command.commands.flatMap((inner) => all(inner, [...names, inner.name()])),
];
const COMMANDS = all(commandLine());

/** As it is printed on a terminal, help that is added behind the options included. */
function helpOf(command: Command): string {
  let said = '';
  command.configureOutput({
    writeOut: (text) => {
      said += text;
    },
    getOutHelpWidth: () => WIDTH,
  });
  command.outputHelp();
  return said;
}

/** One paragraph of it again, whatever the width made of it. */
const inOneLine = (text: string): string => text.replaceAll(/\s+/g, ' ');

const OPTIONS = COMMANDS.flatMap(({ name, command }) =>
  command.options.map((option) => ({ title: `${name} ${option.flags}`.trim(), command, option })),
);
const taking = (pattern: RegExp) => OPTIONS.filter(({ option }) => pattern.test(option.flags));

const typed = (option: Option, text: string): unknown => option.parseArg?.(text, undefined);

/** What takes any text, or says elsewhere in words what it takes. */
const FREE = ['file', 'folder', 'url', 'name', 'id', 'text', 'key', 'hash', 'role', 'cursor', 'name=value'];

describe('--help', () => {
  it('is there for every command', () => {
    expect(COMMANDS.length).toBeGreaterThan(35);
    expect(OPTIONS.length).toBeGreaterThan(90);
  });

  it.each(COMMANDS)('of "$name" fits $command.name’s terminal of 80 columns', ({ command }) => {
    const wide = helpOf(command)
      .split('\n')
      .filter((line) => [...line].length > WIDTH);
    expect(wide).toEqual([]);
  });

  it.each(COMMANDS)('of "$name" says something of each argument and option', ({ command }) => {
    const silent = [...command.registeredArguments, ...command.options].filter(({ description }) => !description);
    expect(silent).toEqual([]);
    for (const { argChoices } of command.registeredArguments)
      for (const choice of argChoices ?? []) expect(helpOf(command)).toContain(`"${choice}"`);
  });

  it('knows what each value is', () => {
    const forms = OPTIONS.flatMap(({ title, option }) => {
      const [, form] = /<([^>]+)>/.exec(option.flags) ?? [];
      const isKnown =
        form === undefined ||
        FREE.includes(form) ||
        ['number', 'ms', 'seconds', 'time'].includes(form) ||
        option.argChoices !== undefined;
      return isKnown ? [] : [title];
    });
    expect(forms).toEqual([]);
  });

  it.each(OPTIONS.filter(({ option }) => option.argChoices))('lists the values of $title', ({ command, option }) => {
    const help = inOneLine(helpOf(command));
    for (const choice of option.argChoices ?? []) expect(help).toContain(`"${choice}"`);
    expect(() => typed(option, 'none of them')).toThrow(/Allowed choices/);
  });

  it.each(OPTIONS.filter(({ option }) => option.required && option.defaultValue !== undefined))(
    'says what holds where $title is not there',
    ({ command, option }) => {
      expect(inOneLine(helpOf(command))).toContain(`default: ${JSON.stringify(option.defaultValue)}`);
      expect(option.defaultValue).not.toEqual([]);
    },
  );

  it.each(taking(/<(?:number|ms|seconds)>/).filter(({ option }) => option.long !== '--uses'))(
    'says between which numbers $title lies, and takes no other',
    ({ option }) => {
      const { description, flags } = option;
      const [, least, most] = /; (\d+) (?:to (\d+)|or more)$/.exec(description) ?? [];
      if (least === undefined) {
        expect(description).toMatch(/; above 0, up to 1000$/);
        expect([typed(option, '0.5'), typed(option, '1000')]).toEqual([0.5, 1000]);
        for (const wrong of ['0', '-1', '1001', 'much', '']) expect(() => typed(option, wrong)).toThrow(/above 0/);
      } else {
        expect(typed(option, least)).toBe(Number(least));
        if (most !== undefined) expect(typed(option, most)).toBe(Number(most));
        const beyond = most === undefined ? '9007199254740993' : String(Number(most) + 1);
        for (const wrong of [String(Number(least) - 1), beyond, '1.5', 'many', ''])
          expect(() => typed(option, wrong)).toThrow(/whole number/);
      }
      if (flags.includes('<ms>')) expect(description).toContain('milliseconds');
      if (flags.includes('<seconds>')) expect(description).toContain('seconds');
    },
  );

  it.each(taking(/<time>/).filter(({ option }) => option.long !== '--standing'))(
    'says how times of $title are written, and takes no other',
    ({ option }) => {
      const [, day, time, ago] = /; a day \((.+)\), a time \("(.+)", UTC\), or so long ago \((.+)\)$/.exec(
        option.description,
      ) as unknown as string[];
      for (const text of [day, time, ...(ago ?? '').split(', ')].map(String)) {
        expect(typed(option, text)).toBe(text);
        expect(timeOf(text, new Date())).toBeInstanceOf(Date);
      }
      // What counts as no moment must not come to count as any.
      for (const wrong of ['2026-11-01x', '2026-13-45', '7y', 'yesterday', ''])
        expect(() => typed(option, wrong)).toThrow(/Such as/);
    },
  );

  it('says of an approval for a while how long and how often, as it is held', () => {
    const approve = COMMANDS.find(({ name }) => name === 'approvals approve')?.command;
    const said = (long: string): string => approve?.options.find((option) => option.long === long)?.description ?? '';
    expect(said('--standing')).toMatch(new RegExp(`1m to ${MAX_STANDING_MS / 3_600_000}h$`));
    expect(said('--uses')).toMatch(new RegExp(`1 to ${MAX_STANDING_USES} \\(default: ${STANDING_USES}\\)$`));
  });
});
