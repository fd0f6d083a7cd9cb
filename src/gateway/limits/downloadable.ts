/** Whether a statement may run whose result is wanted as a file: asked before it does, and before an approval is used up for it. */
import type { Principal } from '../../identity/index.js';
import type { Answer, QueryRequest } from '../answer/answer.js';
import { NO_DOWNLOADS } from '../answer/denials.js';
import type { Downloads } from '../answer/downloads.js';
import type { Admission } from './admission.js';

export interface DownloadableParts {
  readonly downloads: Downloads;
  readonly admission: Admission;
}

/** What is answered where the door has no links to give. Throws NotAdmitted where there are too many, RecorderUnavailable. */
export async function undownloadable(
  { downloads, admission }: DownloadableParts,
  principal: Principal,
  { format, hasDownloads }: Pick<QueryRequest, 'format' | 'hasDownloads'>,
): Promise<Answer['error']> {
  if (format === undefined) return undefined;
  if (!hasDownloads) return NO_DOWNLOADS;
  const seconds = await downloads.secondsToRoom(principal, admission.limits.openDownloads);
  if (seconds !== undefined) throw admission.openDownloads(principal, seconds);
  return undefined;
}
