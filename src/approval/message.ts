/**
 * Approvals as chat messages: Slack's Block Kit (docs.slack.dev/reference/block-kit) and an Adaptive Card for Microsoft Teams'
 * workflows (adaptivecards.io, schema 1.4). Buttons lead to the console, where people sign in: whoever only follows a link, such as a
 * crawler that makes a preview, decides nothing. Agents' words stand in parts that no client reads as markup.
 */
import { visibleLine, visibleLines } from '../visible-text/index.js';
import type { Approval } from './values/state.js';

export type MessageForm = 'slack' | 'teams';

/** What happened to it, as far as anybody is told. */
export type MessageKind = 'approval_asked' | 'approval_decided' | 'approval_expired' | 'approval_withdrawn';
export const MESSAGE_KINDS: readonly MessageKind[] = [
  'approval_asked',
  'approval_decided',
  'approval_expired',
  'approval_withdrawn',
];

/** Without personal data and secrets: a chat is no place for them. */
export type ShownApproval = Pick<
  Approval,
  'id' | 'subject' | 'state' | 'purpose' | 'statement' | 'sent' | 'requirements' | 'expires_at' | 'about' | 'decisions'
> &
  Partial<Pick<Approval, 'issuer'>>;

/** Of each text. Slack takes at most 3,000 characters in a text, Teams 28 KB in a card. */
const MAX_STATEMENT = 1500;
const MAX_LINE = 250;

/** Cut after what can't be seen is shown: nothing is left out unseen. */
const cut = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** A line break in it would make a line of its own among the facts, or in the header. */
const short = (whole: string, most: number): string => cut(visibleLine(whole), most);

const TITLES: Readonly<Record<MessageKind, string>> = {
  approval_asked: 'waits for approval',
  approval_decided: 'was decided on',
  approval_expired: 'expired',
  approval_withdrawn: 'was withdrawn by its agent',
};

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
  /** The same without the agent's name. */
  readonly summary: string;
  readonly facts: readonly (readonly [name: string, text: string])[];
  readonly texts: readonly Text[];
  readonly url: string;
  readonly isOpen: boolean;
}

function wordsOf(kind: MessageKind, approval: ShownApproval, consoleUrl: string): Words {
  const { about, requirements, decisions } = approval;
  const { rows = null, bytes = null } = about?.estimate ?? {};
  const touches = [
    ...(rows === null ? [] : [`${rows} rows`]),
    ...(bytes === null ? [] : [`scans up to ${bytes} bytes`]),
    ...(about?.objects ?? []).map(({ object }) => object),
  ].join(', ');
  const last = decisions.at(-1);
  const decision =
    kind === 'approval_decided' && last
      ? `${last.reviewer.slice(last.reviewer.indexOf(' ') + 1)} said ${last.decision === 'approve' ? 'yes' : 'no'}${last.reason ? `: ${last.reason}` : ''} (${approval.state})`
      : undefined;
  const facts = [
    ['Agent', approval.subject],
    // Two issuers may know the name.
    ...(approval.issuer === undefined ? [] : [['Of', approval.issuer] as const]),
    ['Purpose', approval.purpose ?? 'none given'],
    ['Touches', touches || 'can not be told'],
    ['Needed', requirements.map(({ count, groups }) => `${count} of ${groups.join(' or ')}`).join(' and ')],
    ...(kind === 'approval_asked' ? [['Until', approval.expires_at.toISOString()] as const] : []),
    ...(decision === undefined ? [] : [['Decision', decision] as const]),
  ] as const;
  return {
    summary: `${(about?.kind ?? 'statement').toUpperCase()} ${TITLES[kind]}`,
    title: `${(about?.kind ?? 'statement').toUpperCase()} by ${short(approval.subject, 60)} ${TITLES[kind]}`,
    facts: facts.map(([name, text]) => [name, short(text, MAX_LINE)]),
    texts: [
      textOf('As written', approval.statement),
      ...(approval.sent === '' ? [] : [textOf('As sent to Snowflake', approval.sent)]),
    ],
    url: `${consoleUrl}/approvals/${approval.id}`,
    isOpen: kind === 'approval_asked',
  };
}

const plain = (text: string) => ({ type: 'plain_text', text, emoji: false });
const run = (text: string, style?: object) => ({ type: 'text', text, ...(style ? { style } : {}) });

function slack({ title, summary, facts, texts, url, isOpen }: Words): object {
  return {
    // What a notification shows. Slack reads it as markup, so nobody else's words stand in it.
    text: summary,
    blocks: [
      { type: 'header', text: plain(short(title, 150)) },
      {
        type: 'rich_text',
        elements: [
          {
            type: 'rich_text_section',
            elements: facts.flatMap(([name, text], index) => [
              run(`${index === 0 ? '' : '\n'}${name}  `, { bold: true }),
              run(text),
            ]),
          },
          ...texts.flatMap((entry) => [
            { type: 'rich_text_section', elements: [run(entry.title, { bold: true })] },
            { type: 'rich_text_preformatted', elements: [run(entry.text)] },
            ...(entry.rest === undefined
              ? []
              : [{ type: 'rich_text_section', elements: [run(entry.rest, { italic: true })] }]),
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

function teams({ title, facts, texts, url, isOpen }: Words): object {
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
            ...facts.map(([name, text]) => richText([textRun(`${name}  `, { weight: 'Bolder' }), textRun(text)])),
            ...texts.flatMap((entry) => [
              richText([textRun(entry.title, { weight: 'Bolder' })]),
              richText([textRun(entry.text, { fontType: 'Monospace' })]),
              ...(entry.rest === undefined ? [] : [richText([textRun(entry.rest, { italic: true })])]),
            ]),
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
