/** Planted mistakes in a configuration that names the demo's parts as if they were production's: each is found, with its remedy. */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parseDocument } from 'yaml';
import { bareEnv, MAIN } from '../../support/demo.js';

const run = promisify(execFile);
const ready = inject('ready');
let folder: string;
let sound: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snowfence-doctor-'));
  const config = await readFile(ready.config_file, 'utf8');
  sound = config.replace(/listen: .*/, 'listen: 127.0.0.1:1').replace(/listen: .*/, 'listen: 127.0.0.1:58999');
});
afterAll(() => rm(folder, { recursive: true }));

interface Finding {
  readonly part: string;
  readonly state: 'ok' | 'warning' | 'problem';
  readonly detail: string;
  readonly remedy?: string;
}

async function doctor(
  text: string,
  name = 'snowfence.yaml',
  env: Record<string, string> = {},
): Promise<{ code: number; findings: Finding[] }> {
  const file = join(folder, name);
  await writeFile(file, text);
  const { stdout, code } = await run(process.execPath, [MAIN, 'doctor', '--config', file, '--json'], {
    env: bareEnv(env),
  }).then(
    (result) => ({ stdout: result.stdout, code: 0 }),
    (error: { stdout: string; code: number }) => error,
  );
  return { code, findings: JSON.parse(stdout) as Finding[] };
}

const withCheckpoints = (text: string, checkpoints: string): string => {
  const document = parseDocument(text);
  document.setIn(['transcript', 'checkpoints'], parseDocument(`{ ${checkpoints} }`).contents);
  return String(document);
};

describe('doctor', () => {
  it('says where checkpoints prove little: nowhere, beside the database alone, where others may write', async () => {
    const about = async (checkpoints: string): Promise<string> =>
      (await doctor(withCheckpoints(sound, checkpoints), 'kept.yaml')).findings
        .filter(({ part }) => part === 'checkpoints')
        .map(({ state, detail, remedy }) => `${state}: ${detail} ${remedy ?? ''}`)
        .join('\n');
    expect(await about('stdout: false')).toMatch(/^warning: they go nowhere but into the database.*webhook/s);
    const own = await fileWith('', 'checkpoints/kept.txt');
    expect(await about(`files: [${own}]`)).toMatch(
      /^ok: \S+kept\.txt can be written, by this account alone.*warning: they are kept on the machine of the database/s,
    );
    expect(await about(`files: [${own}], stdout: true`)).not.toContain('warning');
    await chmod(own, 0o666);
    expect(await about(`files: [${own}], stdout: true`)).toMatch(/^warning: .*other accounts .* may change it.*go-w/s);
  });

  it('finds nothing to mend in a sound configuration', async () => {
    const { code, findings } = await doctor(sound);
    expect(findings.filter((finding) => finding.state === 'problem')).toEqual([]);
    expect(code).toBe(0);
    // A result that is too large for one answer comes from elsewhere in a real account.
    expect(findings.map(({ detail }) => detail).join('\n')).toMatch(
      /a result in chunks arrives whole; hosts that have to be reachable: 127\.0\.0\.1:443/,
    );
    expect(new Set(findings.map((finding) => finding.part))).toEqual(
      new Set(['configuration', 'server', 'policies', 'identity', 'transcript', 'checkpoints', 'snowflake']),
    );
  });

  const mistakes: [string, (text: string) => string | Promise<string>, string, RegExp, RegExp][] = [
    [
      'a misspelt key',
      (text) => text.replace('policies:', 'polices:'),
      'configuration',
      /"polices" is unknown here\. Did you mean "policies"/,
      /examples\/snowfence\.yaml/,
    ],
    [
      'a secret that is not there',
      (text) => text.replace(/password_file: .*/, 'password_env: SNOWFLAKE_PASSWORD_NOT_SET'),
      'configuration',
      /SNOWFLAKE_PASSWORD_NOT_SET is not set/,
      /Set SNOWFLAKE_PASSWORD_NOT_SET/,
    ],
    [
      'a public address without TLS',
      (text) => text.replace(/listen: .*/, 'listen: 0.0.0.0:58999'),
      'configuration',
      /neither server\.tls nor server\.behind_proxy/,
      /certificate|proxy/,
    ],
    [
      'a wrong warehouse password',
      async (text) => text.replace(/password_file: .*/, `password_file: ${await fileWith('wrong')}`),
      'snowflake',
      /refused the gateway's own log-in/,
      /username, auth and its secret/,
    ],
    [
      'a warehouse that is not there',
      (text) => text.replace(/access_url: .*/, 'access_url: http://127.0.0.1:9'),
      'snowflake',
      /not reachable|did not answer/,
      /account, access_url and network/,
    ],
    [
      'a wrong database password',
      async (text) =>
        text.replace(/url_file: .*/, `url_file: ${await fileWith(ready.database_url.replace(/:[^:@/]+@/, ':wrong@'))}`),
      'transcript',
      /password authentication failed/,
      /user and password/,
    ],
    [
      'a database that is not there',
      async (text) => text.replace(/url_file: .*/, `url_file: ${await fileWith('postgres://u:p@127.0.0.1:9/x')}`),
      'transcript',
      /does not answer/,
      /host and port/,
    ],
    [
      'an issuer that is not there',
      (text) => text.replace(/issuer: .*/, 'issuer: http://127.0.0.1:9'),
      'identity',
      /127\.0\.0\.1:9/,
      /openid-configuration/,
    ],
    [
      'an unsound policy',
      async (text) =>
        text.replace(
          /^policies: .*/m,
          `policies: ${dirname(await fileWith('policy: x\nprincipals: { groups: [a] }\nsnowflake: { role: R, warehouse: W }\nrules:\n  - alow: [read]\n    on: [A.B.*]\n', 'broken/x.yaml'))}`,
        ),
      'policies',
      /broken\/x\.yaml:5.*"alow" is unknown here\. Did you mean "allow"\?/,
      /Mend the lines/,
    ],
    [
      'a folder of checkpoints that is not there',
      (text) => withCheckpoints(text, 'files: [/nowhere/checkpoints.txt]'),
      'checkpoints',
      /transcript\.checkpoints\.files: \/nowhere\/checkpoints\.txt can not be written/,
      /Name a file in a folder that is there/,
    ],
    [
      'a private key in another form',
      async (text) =>
        text
          .replace('auth: password', 'auth: key_pair')
          .replace(/password_file: .*/, `private_key_file: ${await fileWith('not a key')}`),
      'configuration',
      /not in PEM form/,
      /openssl/,
    ],
  ];

  it.each(mistakes)('finds %s and names the remedy', async (_name, plant, part, detail, remedy) => {
    const { code, findings } = await doctor(await plant(sound), 'planted.yaml');
    const problems = findings.filter((finding) => finding.state === 'problem');
    expect(code).toBe(1);
    expect(problems.map((finding) => finding.part)).toContain(part);
    const found = problems.find((finding) => finding.part === part);
    expect(found?.detail).toMatch(detail);
    expect(found?.remedy).toMatch(remedy);
    expect(JSON.stringify(findings)).not.toContain(ready.warehouse.password);
  });
});

async function fileWith(text: string, name = `secret-${Math.random().toString(36).slice(2)}`): Promise<string> {
  const { mkdir } = await import('node:fs/promises');
  const file = join(folder, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  await chmod(file, 0o600);
  return file;
}
