/** One principal that sends all that it can, in a process of its own. Told `on`, `off` and `end`; answers what it was answered. */
const [, , url, token] = process.argv;
const AT_ONCE = 32;
const headers = {
  authorization: `Bearer ${token}`,
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
};
let isOn = false;
let isOver = false;
let sent = 0;
const answers = {};
const long = 'x'.repeat(250_000);

/**
 * By turns: what is refused, what is long, what waits for a person, streams, and what anybody sends. What is long is refused once it is
 * judged: the embedded warehouse, which a flood is not to be measured at, would take a second for it.
 */
const KINDS = [
  (n) => `SELECT NOTHING_${n} FROM NOWHERE.AT.ALL`,
  (n) => `SELECT ORDER_ID FROM ANALYTICS.SALES.ORDERS WHERE NOWHERE = '${n}${long}'`,
  (n) => `DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = ${n}`,
  (n) =>
    `SELECT ORDER_ID FROM ANALYTICS.SALES.ORDERS WHERE NOWHERE IN (${Array.from({ length: 9000 }, (_, i) => i + n).join(',')})`,
  (n) => `SELECT ORDER_ID FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = ${n}`,
];

const count = (name) => {
  answers[name] = (answers[name] ?? 0) + 1;
};

async function once(n) {
  if (n % 50 === 0) {
    const stream = await fetch(new URL('/sse', url), { headers });
    count(`stream ${stream.status}`);
    // What was opened stays open.
    if (stream.status !== 200) await stream.text();
    return;
  }
  const sql = KINDS[n % KINDS.length](n);
  const response = await fetch(url, {
    method: 'POST',
    headers,
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: n,
      method: 'tools/call',
      params: { name: 'query', arguments: { sql, purpose: 'flood' } },
    }),
  });
  const text = await response.text();
  count(
    response.status === 200
      ? (/"status":"(?:ok|approval_required)"|LIMIT_REACHED|"code":"\w+"/.exec(text)?.[0] ?? '200')
      : response.status,
  );
}

process.on('message', (word) => {
  isOn = word === 'on';
  isOver = word === 'end';
  if (isOver) {
    process.send({ sent, answers });
    setTimeout(() => process.exit(0), 100);
  }
});

await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    while (!isOver) {
      if (isOn) await once(sent++).catch(() => count('connection closed'));
      else await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }),
);
