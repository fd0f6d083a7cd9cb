/** A policy that has every key there is, for tests that change one after another. */
export const WHOLE_POLICY = `policy: p
description: d
principals:
  issuer: https://login.example.com
  groups: [g]
  subjects: [s]
  claims: { a: b }
  except: { groups: [h] }
  hours: { days: [mon], between: ["08:00", "18:00"], timezone: UTC }
snowflake: { role: R, warehouse: W }
rules:
  - allow: [read]
    on: [A.B.*]
    reason: r
  - deny: [write]
    on: [A.B.*]
  - approve: [delete]
    on: [A.B.*]
    by: { issuer: https://login.example.com, groups: [x], count: 1, within: 15m, tolerance: 10% }
    when: { no_where: true, purpose_missing: true, function: [F], bytes_scanned_over: 1GB, rows_affected_over: 10 }
columns:
  - match: [A.B.C.D]
    mask: email
    reason: r
  - match: [A.B.C.E]
    mask: { constant: x }
  - match: [A.B.C.F]
    mask: { keep_first: 2 }
  - match: [A.B.C.G]
    mask: { keep_last: 2 }
  - match: [A.B.C.H]
    mask: { bucket: 10 }
  - match: [A.B.C.I]
    mask: { truncate_date: year }
rows:
  - on: A.B.C
    where: REGION = 'EU'
  - on: A.B.D
    secure_view: A.B.V
functions: { allow: [A.B.F] }
views: { trusted: [A.B.V] }
virtual_columns: { trusted: [A.B.T.C] }
write_masked: deny
detect:
  - find: [email, { name: badge, pattern: "B[0-9]+" }]
    mask: redact
    except: [A.B.C.D]
limits: { rows: 1, result_bytes: 1MB, timeout: 1m, statements_per_hour: 5, concurrent: 1, bytes_scanned_per_statement: 1GB, bytes_scanned_per_day: 1GB }
record: { purpose: required, results: digest }
`;
