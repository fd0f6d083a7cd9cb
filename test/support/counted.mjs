/** Steps of a script that are counted: each ends well or says why not, and the last line tells how many did. */
let passed = 0;
let failed = 0;

export async function step(name, work) {
  const started = performance.now();
  try {
    await work();
    passed++;
    console.log(`ok      ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
    return true;
  } catch (error) {
    failed++;
    console.log(
      `failed  ${name}\n${String(error instanceof Error ? error.message : error).replaceAll(/^/gm, '        ')}`,
    );
    return false;
  }
}

export function summary() {
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}
