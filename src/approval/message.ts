/**
 * Approvals as chat messages: Slack's Block Kit (docs.slack.dev/reference/block-kit) and an Adaptive Card for Microsoft Teams'
 * workflows (adaptivecards.io, schema 1.4). Buttons lead to the console, where people sign in: whoever only follows a link, such as a
 * crawler that makes a preview, decides nothing. Agents' words stand in parts that no client reads as markup.
 */
import { visibleLine, visibleLines } from '../visible-text/index.js';
import { CHANGED_POLICIES, type Fact, factsOf, knownOf, type ShownApproval } from './values/known.js';

export type MessageForm = 'slack' | 'teams';

/** What happened to it, as far as anybody is told. */
const TITLES = {
  approval_asked: 'waits for approval',
  approval_decided: 'was decided on',
  approval_expired: 'expired',
  approval_withdrawn: 'was withdrawn by its agent',
  statement_completed: 'has run',
  statement_failed: 'has failed',
  statement_cancelled: 'was cancelled',
  statement_settled: 'has an outcome',
  statement_refused: 'was not run',
} as const;
export type MessageKind = keyof typeof TITLES;
export const MESSAGE_KINDS = Object.keys(TITLES) as readonly MessageKind[];

/** Of each text. Slack takes at most 3,000 characters in a text, Teams 28 KB in a card. */
const MAX_STATEMENT = 1500;
const MAX_LINE = 250;
const MAX_NAME = 100;
/** Of the name of whoever asks, which may be as long as a token has it. */
const MAX_LABEL = 120;
/** Of all that is known together. */
const MAX_FACTS = 5000;

/** Cut after what can't be seen is shown: nothing is left out unseen. */
const cut = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** A line break in it would make a line of its own among the facts, or in the header. */
const short = (whole: string, most: number): string => cut(visibleLine(whole), most);

/** A statement as written or as sent; `rest`: what of it has no place here, in words of ours. */
interface Text {
  readonly title: string;
  readonly text: string;
  readonly rest: string | undefined;
}

/** Some of a long text. What is left out is told beside it, where no agent's word can stand. */
function textOf(title: string, whole: string): Text {
  const shown = visibleLines(whole).join('\n');
  const characters = [...shown];
  if (characters.length <= MAX_STATEMENT) return { title, text: shown, rest: undefined };
  const left = characters.length - MAX_STATEMENT;
  return {
    title,
    text: characters.slice(0, MAX_STATEMENT).join(''),
    rest: `${left} of its ${characters.length} characters are not shown here. Read all of it in the console before you decide.`,
  };
}

interface Words {
  readonly title: string;
  /** The same without a word of anybody else. */
  readonly summary: string;
  readonly warnings: readonly string[];
  readonly texts: readonly Text[];
  readonly facts: readonly (readonly [name: string, text: string])[];
  /** What others say, behind all that is known: a client, and last the agent. */
  readonly said: readonly (readonly [name: string, text: string])[];
  readonly url: string;
  readonly isOpen: boolean;
}

const ELSEWHERE = ' (cut: all of it is in the console)';

function lineOf({ name, lines }: Fact): readonly [string, string] {
  const whole = visibleLine(lines.join('; '));
  const text = whole.length > MAX_LINE ? `${cut(whole, MAX_LINE - ELSEWHERE.length)}${ELSEWHERE}` : whole;
  return [short(name, MAX_LABEL), text];
}

/** By whom, and where that was the gateway, by what the same ran. */
function withdrawnTitle({ ended }: ShownApproval): string {
  switch (ended?.why) {
    case 'agent':
      return TITLES.approval_withdrawn;
    case 'standing':
      return 'waits no longer: a standing approval stands for it';
    case 'allowed':
      return 'waits no longer: the same ran as the rules allow';
    default:
      return 'waits no longer';
  }
}

function wordsOf(kind: MessageKind, approval: ShownApproval, consoleUrl: string): Words {
  const known = knownOf(approval);
  const title = kind === 'approval_withdrawn' ? withdrawnTitle(approval) : TITLES[kind];
  const isWhole = known.warnings.some((warning) => warning !== CHANGED_POLICIES);
  const verb = (approval.about?.kind ?? 'statement').replaceAll('_', ' ').toUpperCase();
  const facts: (readonly [string, string])[] = [];
  let length = 0;
  for (const fact of factsOf(known)) {
    const line = lineOf(fact);
    length += line[0].length + line[1].length;
    if (length <= MAX_FACTS) facts.push(line);
  }
  return {
    summary: `${verb}${isWhole ? ' of a whole table' : ''} ${title}`,
    title: `${short(known.headline, MAX_NAME)} ${title}`,
    warnings: known.warnings.map((warning) => short(warning, MAX_LINE)),
    texts: [
      textOf('Statement as written', approval.statement),
      ...(approval.sent === '' ? [] : [textOf('As sent to Snowflake', approval.sent)]),
    ],
    facts,
    said: [...known.reported, known.wrote].map(lineOf),
    url: `${consoleUrl}/approvals/${approval.id}`,
    isOpen: kind === 'approval_asked',
  };
}

const plain = (text: string) => ({ type: 'plain_text', text, emoji: false });
const run = (text: string, style?: object) => ({ type: 'text', text, ...(style ? { style } : {}) });

function slack({ title, summary, warnings, facts, texts, said, url, isOpen }: Words): object {
  return {
    // What a notification shows. Slack reads it as markup, so nobody else's words stand in it.
    text: summary,
    blocks: [
      { type: 'header', text: plain(short(title, 150)) },
      {
        type: 'rich_text',
        elements: [
          ...warnings.map((warning) => ({
            type: 'rich_text_section',
            elements: [run(`\u26a0 ${warning}`, { bold: true })],
          })),
          ...texts.flatMap((entry) => [
            { type: 'rich_text_section', elements: [run(entry.title, { bold: true })] },
            { type: 'rich_text_preformatted', elements: [run(entry.text)] },
            ...(entry.rest === undefined
              ? []
              : [{ type: 'rich_text_section', elements: [run(entry.rest, { italic: true })] }]),
          ]),
          {
            type: 'rich_text_section',
            elements: facts.flatMap(([name, text], index) => [
              run(`${index === 0 ? '' : '\n'}${name}  `, { bold: true }),
              run(text),
            ]),
          },
          ...said.flatMap(([name, text]) => [
            { type: 'rich_text_section', elements: [run(`${name}${text === '' ? '' : ':'}`, { italic: true })] },
            ...(text === '' ? [] : [{ type: 'rich_text_quote', elements: [run(text)] }]),
          ]),
        ],
      },
      {
        type: 'actions',
        elements: [
          {
            type: 'button',
            text: plain(isOpen ? 'Look and decide' : 'Look at it'),
            url,
            ...(isOpen ? { style: 'primary' } : {}),
          },
        ],
      },
    ],
  };
}

const richText = (inlines: readonly object[]) => ({ type: 'RichTextBlock', inlines });
const textRun = (text: string, more: object = {}) => ({ type: 'TextRun', text, ...more });

function teams({ title, warnings, facts, texts, said, url, isOpen }: Words): object {
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          // Text runs, unlike text blocks, know no Markdown.
          body: [
            richText([textRun(title, { weight: 'Bolder', size: 'Medium' })]),
            ...warnings.map((warning) =>
              richText([textRun(`\u26a0 ${warning}`, { weight: 'Bolder', color: 'Attention' })]),
            ),
            ...texts.flatMap((entry) => [
              richText([textRun(entry.title, { weight: 'Bolder' })]),
              richText([textRun(entry.text, { fontType: 'Monospace' })]),
              ...(entry.rest === undefined ? [] : [richText([textRun(entry.rest, { italic: true })])]),
            ]),
            ...facts.map(([name, text]) => richText([textRun(`${name}  `, { weight: 'Bolder' }), textRun(text)])),
            ...said.map(([name, text]) =>
              richText([
                textRun(`${name}${text === '' ? '' : ': '}`, { italic: true }),
                ...(text === '' ? [] : [textRun(text, { isSubtle: true })]),
              ]),
            ),
          ],
          actions: [{ type: 'Action.OpenUrl', title: isOpen ? 'Look and decide' : 'Look at it', url }],
        },
      },
    ],
  };
}

/** The body of a request to an incoming webhook of Slack, or to a workflow of Teams. */
export function approvalMessage(
  form: MessageForm,
  kind: MessageKind,
  approval: ShownApproval,
  consoleUrl: string,
): object {
  const words = wordsOf(kind, approval, consoleUrl);
  return form === 'slack' ? slack(words) : teams(words);
}
