/** For a table that is not there or not to be seen: the nearest names that are. Never a hint at anything else. */
import type { Principal } from '../../identity/index.js';
import { type InForce, mayRead } from '../../policy/index.js';
import { distance } from '../../spelling/index.js';
import { type ObjectName, showObject, tellObject } from '../../sql/index.js';
import { Moment } from '../../turns/index.js';
import type { Judged } from '../judge/judged.js';
import type { Visible } from './visible.js';

/** Longer names are no slips of the hand, and cost the more to compare. */
const MAX_MISTYPED = 64;
/** One edit for each four characters, within these. */
const [FEWEST_EDITS, MOST_EDITS] = [2, 4];
const MAX_HINTS = 3;
/** Of those that are near the rules are asked for so many, the nearest first: tables with numbers in their names are near to each other by thousands. */
const MOST_JUDGED = 200;

export class Nearest {
  readonly #visible: Pick<Visible, 'near'>;
  /** A judgement is remembered for a minute, and so is what is near: whoever asks the same again costs nothing more. */
  readonly #known = new WeakMap<Judged, Promise<Judged>>();

  constructor(visible: Pick<Visible, 'near'>) {
    this.#visible = visible;
  }

  /** The judgement with its hint, where one can be given. `rules` are those that it was made by. */
  of(principal: Principal, rules: InForce, judged: Judged): Judged | Promise<Judged> {
    const wanted = wantedOf(rules, judged);
    if (!wanted || wanted.name.length > MAX_MISTYPED) return judged;
    const known = this.#known.get(judged);
    if (known) return known;
    const hinted = this.#near(principal, rules, wanted).then((near) => withHint(judged, near));
    this.#known.set(judged, hinted);
    return hinted;
  }

  async #near(principal: Principal, rules: InForce, wanted: ObjectName): Promise<readonly string[]> {
    const most = Math.min(MOST_EDITS, Math.max(FEWEST_EDITS, Math.floor(wanted.name.length / 4)));
    // The denial stands also where nobody can say what else there is.
    const objects = await this.#visible.near(principal, wanted, rules).catch(() => []);
    const close: { readonly object: ObjectName; readonly edits: number }[] = [];
    const moment = new Moment();
    // Names are compared before the rules are asked: most are far away.
    for (const object of objects) {
      if (moment.isOver) await moment.next();
      const edits = editsBetween(object, wanted, most);
      if (edits <= most) close.push({ object, edits });
    }
    close.sort((left, right) => left.edits - right.edits);
    const hints: string[] = [];
    for (const { object } of close.slice(0, MOST_JUDGED)) {
      if (isName(object) && mayRead(rules.policies, object)) hints.push(tellObject(object));
      if (hints.length === MAX_HINTS) break;
    }
    return hints;
  }
}

/** One that can not be told as it is written is of no use to whoever mistyped it; the describe tool lists it, as data. */
const isName = (object: ObjectName): boolean => tellObject(object) === showObject(object);

/** Another schema is one edit more. */
const editsBetween = (object: ObjectName, wanted: ObjectName, most: number): number =>
  distance(object.name, wanted.name, most) + (object.schema === wanted.schema ? 0 : 1);

/** The object that is refused, where the statement itself names it. */
function wantedOf({ policies }: InForce, { denial, analysis }: Judged): ObjectName | undefined {
  if (denial?.code !== 'OBJECT_DENIED' || !analysis) return undefined;
  return analysis.objects.find(
    (use) =>
      use.via.length === 0 &&
      (!use.relation || !mayRead(policies, use.object)) &&
      use.position?.line === denial.position?.line &&
      use.position?.column === denial.position?.column,
  )?.object;
}

function withHint(judged: Judged, near: readonly string[]): Judged {
  const { denial } = judged;
  if (!denial || near.length === 0) return judged;
  return { ...judged, denial: { ...denial, hint: `Did you mean ${near.join(' or ')}? ${denial.hint ?? ''}`.trim() } };
}
