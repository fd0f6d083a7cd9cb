/** Something that the process itself has to record, of no session and no statement. */
import type { EventKind } from '../../transcript/index.js';

export type Note = (kind: EventKind, body: Record<string, unknown>) => void;
