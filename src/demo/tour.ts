/** The demo's tour: a few live calls as the sales agent, and the transcript that they left. */
import { z } from 'zod';
import { printable, quoted, renderEvents, type Style, startedAs, table } from '../terminal/index.js';
import { storePool, TranscriptReader } from '../transcript/index.js';
import { connect } from './connect.js';
import { type Ready, type ReadyAgent, tokenFile } from './ready.js';

const answer = z.object({
  status: z.string(),
  session: z.string().nullable(),
  columns: z.array(z.object({ name: z.string(), mask: z.string().nullable() })),
  rows: z.array(z.array(z.unknown())),
  notices: z.array(z.string()),
  denial: z
    .object({ code: z.string(), message: z.string(), rule: z.string().optional(), hint: z.string().optional() })
    .optional(),
  approval: z.object({ id: z.string(), expires_at: z.string() }).optional(),
});

interface Step {
  readonly title: string;
  readonly agent: string;
  readonly sql: string;
  readonly purpose: string;
}

const STEPS: readonly Step[] = [
  {
    title: 'The sales agent reads customers: contact details are masked, rows outside the EU are not there.',
    agent: 'sales-bot',
    sql: 'SELECT NAME, EMAIL, PHONE, REGION FROM ANALYTICS.SALES.CUSTOMERS ORDER BY CUSTOMER_ID LIMIT 5',
    purpose: 'Which customers are new in Europe?',
  },
  {
    title: 'It tries the payroll.',
    agent: 'sales-bot',
    sql: 'SELECT * FROM ANALYTICS.HR.PAYROLL',
    purpose: 'Who earns most?',
  },
  {
    title: 'It tries to drop a table.',
    agent: 'sales-bot',
    sql: 'DROP TABLE ANALYTICS.SALES.ORDERS',
    purpose: 'Clean up.',
  },
  {
    title: 'The pipeline agent wants to delete rows: a person has to say yes first.',
    agent: 'pipeline-bot',
    sql: "DELETE FROM ANALYTICS.SALES.ORDERS WHERE STATUS = 'returned'",
    purpose: 'Returned orders are archived elsewhere.',
  },
];

/** What waits for a person when the tour is over. */
export interface Waiting {
  readonly agent: ReadyAgent;
  readonly id: string;
}

const WAIT_SECONDS = 50;

/** Goes on when somebody decides, in the console or by the command line, or nobody does in time. */
export async function decided(ready: Ready, { agent, id }: Waiting, say: (text: string) => void, style: Style) {
  const client = await connect(ready, agent);
  try {
    for (;;) {
      const result = await client.callTool(
        { name: 'approval', arguments: { id, wait_seconds: WAIT_SECONDS } },
        { timeout: (WAIT_SECONDS + 60) * 1000 },
      );
      const { status, rows, denial } = answer.parse(result.structuredContent);
      if (status === 'approval_required') continue;
      say(
        denial
          ? `\n${style.red(`${agent.name} hears: ${denial.code}:`)} ${printable(denial.message)}`
          : `\n${style.bold(`${agent.name}’s statement was approved, and has run:`)} ${String(rows[0]?.[0] ?? 0)} rows deleted.`,
      );
      return;
    }
  } finally {
    await client.close();
  }
}

/** Runs the tour. Answers what waits for a person then. */
export async function tour(ready: Ready, say: (text: string) => void, style: Style): Promise<Waiting | undefined> {
  const sessions = new Set<string>();
  let waiting: Waiting | undefined;
  for (const step of STEPS) {
    const agent = ready.agents.find((entry) => entry.name === step.agent);
    if (!agent) continue;
    say(`\n${style.bold(step.title)}\n${style.dim(`${step.agent}>`)} ${step.sql}`);
    const client = await connect(ready, agent);
    const result = await client.callTool({ name: 'query', arguments: { sql: step.sql, purpose: step.purpose } });
    await client.close();
    const { columns, rows, notices, denial, approval, session } = answer.parse(result.structuredContent);
    if (session) sessions.add(session);
    if (denial)
      say(
        `${style.red(`Denied, ${denial.code}:`)} ${printable(denial.message)}${denial.rule ? style.dim(`  ${printable(denial.rule)}`) : ''}`,
      );
    if (approval) waiting = { agent, id: approval.id };
    if (approval)
      say(
        `${style.yellow('Waits for approval')} ${approval.id}. It has not run.\nDecide:\n${ready.console_url}/approvals/${approval.id}`,
      );
    if (columns.length > 0)
      say(
        table(
          columns.map((column) => (column.mask ? `${column.name} (${column.mask})` : column.name)),
          rows.map((row) => row.map(String)),
        ),
      );
    for (const notice of notices) say(style.dim(`Note: ${printable(notice)}`));
  }
  say(`\n${style.bold('The transcript of just that, from PostgreSQL:')}`);
  const pool = storePool(ready.database_url);
  const reader = new TranscriptReader(pool);
  for (const session of sessions) say(renderEvents(await reader.events(session), style));
  await pool.end();
  return waiting;
}

/** Who may sign in to the demo's console, and with what. */
export function consoleSignIn(ready: Ready, style: Style): string {
  const people = ready.reviewers.map(
    ({ name, groups, client_secret: secret }) => `${name} (${groups.join(', ')})  ${secret}`,
  );
  return [
    style.bold(`Console: ${ready.console_url}`),
    style.dim('Sign in as one of these, with the secret behind it:'),
    ...people,
  ].join('\n');
}

/** What can be done on the command line now, ready to paste: with the demo's configuration, and the reviewer's token where one decides. */
export function commands(ready: Ready, waiting: Waiting | undefined, style: Style): string {
  const [reviewer] = ready.reviewers;
  const config = `--config ${quoted(ready.config_file)}`;
  const token = reviewer ? quoted(tokenFile(ready, reviewer.name)) : '';
  return [
    style.bold('On the command line'),
    `${startedAs()} sessions list ${config}`,
    `${startedAs()} approvals list ${config}`,
    ...(waiting && reviewer
      ? [
          style.dim(`Decide as ${reviewer.name}: the first line reads the token from its file.`),
          `SNOWFENCE_TOKEN=$(cat ${token}) \\`,
          `  ${startedAs()} approvals approve ${waiting.id} \\`,
          `  ${config}`,
        ]
      : []),
  ].join('\n');
}

/** Of a token, so much is shown. */
const SHOWN_TOKEN = 12;

/** How to connect real clients to this gateway, ready to paste: lines that stay whole, with tokens by the files that hold them. */
export function connections(ready: Ready, style: Style): string {
  const name = ready.agents[0]?.name ?? '';
  const file = tokenFile(ready, name);
  const desktop = {
    mcpServers: {
      snowfence: {
        command: process.execPath,
        args: [process.argv[1] ?? 'snowfence', 'connect', '--url', ready.mcp_url, '--token-file', file],
      },
    },
  };
  return [
    style.bold(`Connect to this gateway as ${name}`),
    style.dim('Claude Code:'),
    `claude mcp add --transport http snowfence ${ready.mcp_url} \\`,
    '  --header "Authorization: Bearer $(',
    `    cat ${quoted(file)})"`,
    style.dim('Claude Desktop (claude_desktop_config.json), by the stdio bridge:'),
    JSON.stringify(desktop, null, 2),
    style.dim('Any agent that speaks MCP over HTTP, with its token in the header:'),
    ...ready.agents.map(
      (agent) => `${agent.name}  ${agent.token.slice(0, SHOWN_TOKEN)}…  cat ${quoted(tokenFile(ready, agent.name))}`,
    ),
  ].join('\n');
}
