/** Of the configuration: what each principal may cost before anything of it is judged. */
import { z } from 'zod';
import { DEFAULT_LIMITS, type Limits } from '../../gateway/index.js';
import { count, duration, size } from '../values/amounts.js';

export const limitsShape = z
  .strictObject({
    requests_per_minute: count(1_000_000).default(DEFAULT_LIMITS.requestsPerMinute),
    requests_at_once: count(10_000).default(DEFAULT_LIMITS.requestsAtOnce),
    refusals_per_hour: count(1_000_000).default(DEFAULT_LIMITS.refusalsPerHour),
    text_per_hour: size.default(DEFAULT_LIMITS.textPerHour),
    long_text_share: count(100).default(DEFAULT_LIMITS.longTextShare),
    streams: count(1000).default(DEFAULT_LIMITS.streams),
    sessions_per_hour: count(1_000_000).default(DEFAULT_LIMITS.sessionsPerHour),
    open_approvals: count(10_000).default(DEFAULT_LIMITS.openApprovals),
    approvals_per_hour: count(100_000).default(DEFAULT_LIMITS.approvalsPerHour),
    downloads: count(1000).default(DEFAULT_LIMITS.downloads),
    open_downloads: count(10_000).default(DEFAULT_LIMITS.openDownloads),
    download_stall: duration(1000, 600_000).default(DEFAULT_LIMITS.downloadStallMs),
  })
  .prefault({});

export const limitsOf = (limits: z.infer<typeof limitsShape>): Limits => ({
  requestsPerMinute: limits.requests_per_minute,
  requestsAtOnce: limits.requests_at_once,
  refusalsPerHour: limits.refusals_per_hour,
  textPerHour: limits.text_per_hour,
  longTextShare: limits.long_text_share,
  streams: limits.streams,
  sessionsPerHour: limits.sessions_per_hour,
  openApprovals: limits.open_approvals,
  approvalsPerHour: limits.approvals_per_hour,
  downloads: limits.downloads,
  openDownloads: limits.open_downloads,
  downloadStallMs: limits.download_stall,
});
