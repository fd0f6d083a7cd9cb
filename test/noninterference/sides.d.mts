import type { Gateway } from '../../dist/gateway/gateway.js';
import type { Caller } from '../../dist/gateway/judge/whose.js';

interface Plan {
  readonly objects: readonly string[];
  readonly bytes: number;
}

interface ToldEstimate {
  readonly statement: string;
  readonly bytes: number | null;
  readonly rows: number | null;
}

export class Sides {
  static start(options: { hasOtherRows?: boolean; policy: string }): Promise<Sides>;
  plant(leak: ((sent: string) => string) | undefined): void;
  prune(pruning: ((plan: Plan, sent: string, side: number) => Plan) | undefined): void;
  both<T>(question: (gateway: Gateway, caller: Caller) => Promise<T>): Promise<[T, T]>;
  estimates(): Promise<[ToldEstimate[], ToldEstimate[]]>;
  end(): Promise<void>;
}
