/** A tool, as data: name, words, input, output, and what it calls in the gateway. */
import type { z } from 'zod';
import type { Caller, Gateway, Reported } from '../../gateway/index.js';

export interface CallContext {
  readonly gateway: Gateway;
  readonly caller: Caller;
  /** What the client says of the call, beside what the agent wrote. */
  readonly reported?: Reported | undefined;
  /** Where people look at approvals. */
  readonly consoleUrl: string;
  /** Where files are downloaded; undefined where nothing is served over HTTP. */
  readonly downloadsUrl: string | undefined;
  /** Of this gateway, as `connect` is given it. */
  readonly gatewayUrl: string;
  /** What stands before the name of each tool. */
  readonly toolPrefix: string;
  readonly signal: AbortSignal;
  readonly onProgress: (message: string) => void;
  /** What is left is to wait, for the warehouse or for a person. */
  readonly onWaiting: () => void;
}

export interface ToolResult {
  readonly text: string;
  readonly structured: Record<string, unknown>;
  readonly isError: boolean;
}

export interface Tool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: z.ZodObject;
  readonly output: z.ZodObject | undefined;
  readonly isReadOnly: boolean;
  readonly call: (input: unknown, context: CallContext) => Promise<ToolResult>;
}
