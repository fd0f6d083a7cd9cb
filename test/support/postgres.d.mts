export interface TestPostgres {
  readonly url: string;
  readonly pid: number;
  restart(): Promise<void>;
  end(): Promise<void>;
}
export function startPostgres(): Promise<TestPostgres>;
