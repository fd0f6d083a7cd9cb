// Verifies an export of sessions with proofs (snowfence sessions export ID > session.jsonl) without snowfence: Node alone.
// It is the text of docs/recording.md as a program; write your own in any language from there.
//
//   node verify-export.mjs session.jsonl 'snowfence/1a2b3c4d+5e6f7a8b+AX…'
import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';

const [file, vkey] = process.argv.slice(2);
const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
const fail = (why) => {
  console.log(`NOT WHOLE: ${why}`);
  process.exit(1);
};

// RFC 8785: sorted keys, no white space.
const canonical = (value) =>
  Array.isArray(value)
    ? `[${value.map(canonical).join(',')}]`
    : typeof value === 'object' && value !== null
      ? `{${Object.keys(value)
          .sort()
          .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`)
          .join(',')}}`
      : JSON.stringify(value);

const lines = readFileSync(file, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));

// 1. Each event hangs on the one before it in its session.
const sessions = new Map();
for (const event of lines.filter(({ type }) => type === 'event')) {
  const { session, position, at, kind, statement, body, writer, n, sequence, signature } = event;
  const hashes = sessions.get(session) ?? [];
  sessions.set(session, hashes);
  if (position !== hashes.length) fail(`event ${hashes.length} of session ${session} is missing`);
  const content = canonical({ at, body, kind, n, session, ...(statement === null ? {} : { statement }), v: 1, writer });
  const place = Buffer.alloc(8);
  place.writeBigInt64BE(BigInt(sequence));
  const before = hashes.at(-1) ?? sha256(`snowfence session ${session}`);
  const hash = sha256(before, content, place, signature === null ? '' : Buffer.from(signature, 'base64'));
  if (hash.toString('hex') !== event.hash) fail(`event ${position} of session ${session} was changed`);
  hashes.push(hash);
}

// 2. A checkpoint signed with the key covers the session up to some length.
const [name, , ...encoded] = vkey.split('+');
const raw = Buffer.from(encoded.join('+'), 'base64').subarray(1);
const key = createPublicKey({
  key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw]),
  type: 'spki',
  format: 'der',
});
for (const [session, hashes] of sessions) {
  const proof = lines.find((line) => line.type === 'proof' && line.session === session)?.proof;
  if (!proof) fail(`session ${session} has no proof: no checkpoint covered it yet`);
  const [head, note] = [proof.slice(0, proof.indexOf('\n\n')), proof.slice(proof.indexOf('\n\n') + 2)];
  const [, extra, index, ...path] = head.split('\n');
  const text = note.slice(0, note.lastIndexOf('\n\n') + 1);
  const isSigned = note
    .slice(note.lastIndexOf('\n\n') + 2)
    .split('\n')
    .filter((line) => line.startsWith(`— ${name} `))
    .some((line) => verify(null, Buffer.from(text), key, Buffer.from(line.split(' ')[2], 'base64').subarray(4)));
  if (!isSigned) fail('the checkpoint is not signed with this key');
  const [, size, root] = text.split('\n');
  // RFC 9162, section 2.1.3.2.
  const leaf = Buffer.from(extra.slice(6), 'base64');
  let [node, last, hash] = [Number(index.slice(6)), Number(size) - 1, sha256('\x00', leaf)];
  for (const beside of path.map((line) => Buffer.from(line, 'base64'))) {
    if (node % 2 === 1 || node === last) {
      hash = sha256('\x01', beside, hash);
      while (node % 2 === 0 && node !== 0) [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
    } else hash = sha256('\x01', hash, beside);
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  if (last !== 0 || hash.toString('base64') !== root) fail('the proof does not lead to the root of the checkpoint');
  const covered = JSON.parse(leaf.toString());
  if (covered.session !== session || hashes[covered.length - 1]?.toString('hex') !== covered.hash)
    fail(`session ${session} is not the one that the checkpoint covers`);
  console.log(
    `session ${session}: the first ${covered.length} events are whole, covered since ${covered.at}; ${hashes.length - covered.length} later ones are not proved yet`,
  );
}
