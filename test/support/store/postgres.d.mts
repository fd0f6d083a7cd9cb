export interface TestPostgres {
  readonly url: string;
  readonly pid: number;
  restart(): Promise<void>;
  end(): Promise<void>;
}
export function startPostgres(): Promise<TestPostgres>;
/** Answers what removes it. */
export function makeCluster(): Promise<() => Promise<void>>;
export function copyCluster(folder: string): Promise<string | undefined>;
