import type { ChildProcess } from 'node:child_process';

/** Answers once it is ready. `config`: its configuration file; `url`: where it listens. */
export function startGateway(
  config: string,
  url: string,
): Promise<{ readonly child: ChildProcess; readonly ended: Promise<unknown>; readonly words: () => string }>;
