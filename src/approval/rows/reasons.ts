/**
 * A reviewer's reason in the row of their decision: sealed under the key of the approval's session, like the event that says the same. In
 * clear beside it, it would outlast that key, and show what the detectors find in it to whoever reads the table.
 */
import type { TranscriptStore } from '../../transcript/index.js';

type Vault = TranscriptStore['vault'];

/** Stands before what is sealed; rows of earlier versions have the reason itself. */
const SEALED = 'sealed:';

interface Where {
  readonly id: string;
  readonly session_id: string;
}

const aboutOf = (approval: string, reviewer: string): string => `decision ${approval} ${reviewer}`;

/** Where the session's key is erased it is kept nowhere. */
export function sealedReason(
  vault: Vault,
  { id, session_id: session }: Where,
  reviewer: string,
  reason: string | undefined,
): string | null {
  if (reason === undefined || !vault.knows(session)) return null;
  return `${SEALED}${vault.sealText(session, aboutOf(id, reviewer), reason).toString('base64')}`;
}

/** As its reviewer wrote it; null where the key that opens it is gone. */
export function openedReason(
  vault: Vault,
  { id, session_id: session }: Where,
  { reviewer, reason }: { readonly reviewer: string; readonly reason: string | null },
): string | null {
  if (!reason?.startsWith(SEALED)) return reason;
  if (!vault.knows(session)) return null;
  try {
    return vault.openText(session, aboutOf(id, reviewer), Buffer.from(reason.slice(SEALED.length), 'base64'));
  } catch {
    // A reason of an earlier version that begins with the same word.
    return reason;
  }
}
