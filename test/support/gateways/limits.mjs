/** For tests and benches that send more than any agent does: one principal stands for many there. */
export const GENEROUS = {
  requestsPerMinute: 1_000_000,
  requestsAtOnce: 10_000,
  refusalsPerHour: 1_000_000,
  textPerHour: 1e12,
  longTextShare: 100,
  streams: 1000,
  sessionsPerHour: 1_000_000,
  openApprovals: 10_000,
  approvalsPerHour: 100_000,
  downloads: 1000,
  openDownloads: 10_000,
  downloadStallMs: 60_000,
};

/** The same as the configuration file has it. */
export const GENEROUS_CONFIG = {
  requests_per_minute: GENEROUS.requestsPerMinute,
  requests_at_once: GENEROUS.requestsAtOnce,
  refusals_per_hour: GENEROUS.refusalsPerHour,
  text_per_hour: '1000GB',
  long_text_share: GENEROUS.longTextShare,
  streams: GENEROUS.streams,
  sessions_per_hour: GENEROUS.sessionsPerHour,
  open_approvals: GENEROUS.openApprovals,
  approvals_per_hour: GENEROUS.approvalsPerHour,
  downloads: GENEROUS.downloads,
  open_downloads: GENEROUS.openDownloads,
};
