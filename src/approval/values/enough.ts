/** Whether the approvals given satisfy what the policies ask for. */

/** What one `approve` rule asks for: so many people out of these groups. */
export interface Requirement {
  /** Whose groups they are: those of another issuer never count. */
  readonly issuers: readonly string[];
  readonly groups: readonly string[];
  readonly count: number;
  /** File and line. */
  readonly rule: string;
}

/** Somebody, as far as groups go. */
export interface Member {
  readonly issuer: string;
  readonly groups: readonly string[];
}

/** Whether one of the groups that are asked is this person's. */
export const isAsked = ({ issuers, groups }: Pick<Requirement, 'issuers' | 'groups'>, member: Member): boolean =>
  issuers.includes(member.issuer.replace(/\/$/, '')) && groups.some((group) => member.groups.includes(group));

/**
 * True once each requirement has its people. Nobody counts for two: where two groups are asked, two persons have to agree, also
 * when one person is in both. `approvers`: each person who approved, once.
 */
export function isEnough(requirements: readonly Requirement[], approvers: readonly Member[]): boolean {
  const seats = requirements.flatMap((requirement) => Array.from({ length: requirement.count }, () => requirement));
  if (seats.length > approvers.length) return false;
  // A matching of seats to people, by augmenting paths.
  const seatOf = new Map<number, number>();
  const place = (seat: number, tried: Set<number>): boolean => {
    const wanted = seats[seat];
    for (const [person, member] of approvers.entries()) {
      if (tried.has(person) || !wanted || !isAsked(wanted, member)) continue;
      tried.add(person);
      const taken = seatOf.get(person);
      if (taken === undefined || place(taken, tried)) {
        seatOf.set(person, seat);
        return true;
      }
    }
    return false;
  };
  return seats.every((_wanted, seat) => place(seat, new Set()));
}
