/** Whether the approvals given satisfy what the policies ask for. */

/** What one `approve` rule asks for: so many people out of these groups. */
export interface Requirement {
  readonly groups: readonly string[];
  readonly count: number;
  /** File and line. */
  readonly rule: string;
}

/**
 * True once each requirement has its people. Nobody counts for two: where two groups are asked, two persons have to agree, also
 * when one person is in both. `approvers` are the groups of each person who approved.
 */
export function isEnough(requirements: readonly Requirement[], approvers: readonly (readonly string[])[]): boolean {
  const seats = requirements.flatMap(({ groups, count }) => Array.from({ length: count }, () => groups));
  if (seats.length > approvers.length) return false;
  // A matching of seats to people, by augmenting paths.
  const seatOf = new Map<number, number>();
  const place = (seat: number, tried: Set<number>): boolean => {
    for (const [person, own] of approvers.entries()) {
      if (tried.has(person) || !seats[seat]?.some((group) => own.includes(group))) continue;
      tried.add(person);
      const taken = seatOf.get(person);
      if (taken === undefined || place(taken, tried)) {
        seatOf.set(person, seat);
        return true;
      }
    }
    return false;
  };
  return seats.every((_groups, seat) => place(seat, new Set()));
}
