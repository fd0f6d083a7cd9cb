import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { MOMENT_WIDTH, moment } from '../../dist/times/index.js';

it('has date, time and zone', () => {
  expect(moment('2026-11-27T11:47:19.999Z')).toBe('2026-11-27 11:47:19 UTC');
  expect(moment(new Date(0))).toBe('1970-01-01 00:00:00 UTC');
  expect(moment('2026-11-27T01:00:00+05:30')).toBe('2026-11-26 19:30:00 UTC');
  expect(moment('2026-11-27T11:47:19Z')).toHaveLength(MOMENT_WIDTH);
});

it('of a far year has all of its digits', () => {
  expect(moment(new Date(Date.UTC(12_026, 0, 2)))).toBe('+012026-01-02 00:00:00 UTC');
});

it('leaves what is no time as it is', () => {
  expect(moment('soon')).toBe('soon');
});

/** In a process whose machine stands there: summer and winter differ. */
it.each([
  ['Europe/Berlin', '2026-11-27 12:47:19 GMT+1', '2026-07-01 02:00:00 GMT+2'],
  ['America/St_Johns', '2026-11-27 08:17:19 GMT-3:30', '2026-06-30 21:30:00 GMT-2:30'],
  ['UTC', '2026-11-27 11:47:19 UTC', '2026-07-01 00:00:00 UTC'],
])('in %s says how far that is from UTC', (zone, winter, summer) => {
  const url = new URL('../../dist/times/index.js', import.meta.url);
  const script = `import(${JSON.stringify(url.href)}).then(({ momentHere, zoneHere }) => console.log([zoneHere(), ...['2026-11-27T11:47:19Z', '2026-07-01T00:00:00Z', 'soon'].map(momentHere)].join('\\n')))`;
  const said = execFileSync(process.execPath, ['--eval', script], {
    env: { ...process.env, TZ: zone },
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    encoding: 'utf8',
  });
  expect(said.trim().split('\n')).toEqual([zone, winter, summer, 'soon']);
});
