/**
 * What a statement does and whether this principal may do that: reading, analysis, verdict and the text to send, remembered for a
 * minute. It runs nothing and records nothing.
 */
import { createHash } from 'node:crypto';
import {
  type Circumstances,
  decide,
  decideAgain,
  decideKind,
  decideNamed,
  denyHash,
  type Estimate,
  type InForce,
  mayBeLookedUp,
  needsConstraints,
  type Policy,
  type Subject,
  standing,
  trustIn,
  type Verdict,
} from '../../policy/index.js';
import {
  type Analysis,
  type CatalogReader,
  cteNames,
  type Defaults,
  Disagreement,
  Effort,
  type FullAnalysis,
  keptAnalysis,
  keptRefused,
  keptStatement,
  lookUp,
  type ObjectName,
  objectKey,
  Refusal,
  type RelationInfo,
  readNames,
  readStatement,
  rewrite,
  secondOpinion,
  showObject,
  spending,
} from '../../sql/index.js';
import { type PoolKey, type Warehouse, WarehouseUnavailable } from '../../warehouse/index.js';
import { fingerprintOf, NO_FINGERPRINT } from './fingerprint.js';
import { heldBytes } from './held-bytes.js';
import {
  hasPurpose,
  isOutage,
  isReported,
  type Judged,
  type JudgedStatement,
  type Question,
  unreachable,
} from './judged.js';
import { Judgements } from './judgements.js';
import { outputMasks, secureViews, treatments } from './treatments.js';
import { keyOf } from './whose.js';

/** Where objects are looked up, and a number that changes when what was known of them no longer holds. */
export interface Catalogs {
  readonly version: number;
  readonly reader: (key: PoolKey) => CatalogReader;
}

/**
 * A catalog whose questions are asked by connections of whoever is judged; of what lies behind views by those of `metadataRole`, where there is
 * one: a role of the gateway's own that sees structures and no data.
 */
export const catalogsOf = (catalog: Warehouse['catalog'], metadataRole?: string): Catalogs => ({
  get version() {
    return catalog.version;
  },
  reader: (key) => ({
    relation: (name) => catalog.relation(key, name),
    ...(metadataRole === undefined
      ? {}
      : { behind: (name: ObjectName) => catalog.relation({ ...key, role: metadataRole }, name) }),
    constraints: (name, isHybrid) => catalog.constraints(key, name, isHybrid),
  }),
});

export interface JudgeParts {
  readonly catalogs: Catalogs;
  readonly defaults: Defaults;
  readonly onUnreachable: (error: WarehouseUnavailable) => void;
  readonly onDisagreement: (parser: string, fingerprint: string) => void;
}

export class Judge {
  readonly #parts: JudgeParts;
  readonly #judgements = new Judgements(bytesOf);

  constructor(parts: JudgeParts) {
    this.#parts = parts;
  }

  /**
   * `rules` are the policies in force for the principal, of one set. `inTurn` waits for the turn of what is judged anew while nobody waits for it,
   * and does it then; it throws where it is not to be done.
   */
  judge(
    principal: Subject,
    rules: InForce,
    request: Question,
    inTurn: (work: () => Promise<Judged>) => Promise<Judged> = (work) => work(),
  ): Promise<Judged> {
    const { set, policies } = rules;
    const { catalogs } = this.#parts;
    // What a verdict depends on, all of it: a statement seen before is not analysed again.
    const key = createHash('sha256')
      .update(
        JSON.stringify([
          set.version,
          policies.map((policy) => policy.name),
          catalogs.version,
          hasPurpose(request),
          isReported(request),
          request.reported?.untied,
          templateValues(policies, principal),
          request.sql,
        ]),
      )
      .digest('base64');
    const work = (): Promise<Judged> => this.#judgeAnew(principal, rules, request);
    return this.#judgements.get(key, request.sql.length, work, () => inTurn(work));
  }

  /** The last word, once the warehouse has said what the statement would scan and touch. */
  weigh(judged: Judged, principal: Subject, rules: InForce, request: Question, estimate: Estimate): Judged {
    if (!judged.analysis) return judged;
    if (rules.set.version !== judged.version)
      throw new Error('A statement came to be weighed by another set of policies.');
    // What is refused before anybody asks the warehouse stays refused.
    if (judged.denial || !judged.verdict) return judged;
    const circumstances = circumstancesOf(judged.analysis, request, estimate);
    const question = { ...rules, subject: principal, analysis: judged.analysis, circumstances };
    const verdict = decideAgain(question, judged.verdict);
    return { ...judged, verdict, denial: verdict.denial };
  }

  async #judgeAnew(principal: Subject, rules: InForce, request: Question): Promise<Judged> {
    const { policies } = rules;
    const { version } = rules.set;
    const nothing = {
      version,
      statement: undefined,
      analysis: undefined,
      verdict: undefined,
      sent: undefined,
      outputMasks: [],
    };
    let statement: JudgedStatement | undefined;
    try {
      const noPolicy = policies.length === 0 ? decideKind(rules, 'select') : undefined;
      if (noPolicy) return { ...nothing, denial: noPolicy };
      const read = readStatement(request.sql);
      statement = { ...keptStatement(read), fingerprint: fingerprintOf(read) };
      const kindDenial = decideKind(rules, statement.kind);
      if (kindDenial) return { ...nothing, statement, denial: kindDenial };
      const hashDenial = denyHash(read);
      if (hashDenial) return { ...nothing, statement, denial: hashDenial };
      const effort = new Effort();
      // Names come before what there is: what no rule lets them see is refused without a question to the catalog.
      const named = await readNames(read, this.#parts.defaults, effort);
      const refused = (analysis: FullAnalysis, verdict: Verdict): Judged => ({
        ...nothing,
        statement,
        analysis: keptRefused(analysis),
        verdict,
        denial: verdict.denial,
      });
      const barred = decideNamed({ ...rules, subject: principal, analysis: named.analysis });
      if (barred) return refused(named.analysis, barred);
      const catalog = this.#parts.catalogs.reader(keyOf(standing(policies), principal));
      const reader = trusting(catalog, policies);
      const analysed = await lookUp(named, reader, effort, (object, through) =>
        mayBeLookedUp(policies, object, through),
      );
      secondOpinion(analysed, cteNames(analysed.statement));
      const circumstances = circumstancesOf(analysed, request, undefined);
      const spend = spending(effort, analysed.statement, 'columns');
      const before = decide({ ...rules, subject: principal, analysis: analysed, circumstances }, spend);
      // Nothing is asked about a table which may not be changed anyhow.
      if (before.denial) return refused(analysed, before);
      const analysis = await withConstraints(analysed, reader, policies);
      const verdict =
        analysis === analysed ? before : decideAgain({ ...rules, subject: principal, analysis, circumstances }, before);
      if (verdict.denial) return refused(analysis, verdict);
      const views = await secureViews(verdict, catalog);
      if (catalog.behind) await mayBeOpened(analysis, verdict, catalog);
      holdsItsPolicies(analysis, verdict);
      const sent = rewrite(analysis, treatments(verdict, views), effort);
      return {
        version,
        statement,
        analysis: keptAnalysis(analysis),
        verdict,
        denial: undefined,
        sent: sent.text,
        outputMasks: outputMasks(analysis, verdict.masks, spend),
      };
    } catch (error) {
      if (error instanceof Disagreement)
        this.#parts.onDisagreement(error.parser, statement?.fingerprint ?? NO_FINGERPRINT);
      if (error instanceof Refusal)
        return {
          ...nothing,
          statement,
          denial: { code: error.code, message: error.message, position: error.position, hint: error.hint },
        };
      // Recorded as refused, like any attempt: without the catalog nothing can be judged.
      if (error instanceof WarehouseUnavailable) {
        this.#parts.onUnreachable(error);
        return { ...nothing, statement, denial: unreachable(error) };
      }
      throw error;
    }
  }
}

/**
 * A view stands for itself where the policies trust it: its own rules, masks and rows hold, no others. A policy that hides anything at all
 * has to trust it, too; one whose text can be read is opened otherwise, and what is below it is judged by those who don't (`inSightOf`).
 */
function trusting(reader: CatalogReader, policies: readonly Policy[]): CatalogReader {
  const trusted = async (name: ObjectName, relation: RelationInfo | undefined): Promise<RelationInfo | undefined> => {
    if (relation?.kind !== 'view') return relation;
    const { isGiven, withheldBy } = trustIn(policies, name);
    if (isGiven) return { ...relation, kind: 'table', isTrusted: true };
    if (relation.viewText?.trim()) return relation;
    // Whoever sees what views are made of may see more of it than the statement's own role.
    const seen = await reader.behind?.(name);
    if (seen?.viewText?.trim()) return { ...relation, viewText: seen.viewText };
    // Said only to whoever may read the view at all: its objects are judged before.
    const unreadable = `its text is not visible to the gateway, and ${withheldBy?.name}, which hides something, does not trust it`;
    return withheldBy ? { ...relation, unreadable } : relation;
  };
  const { behind } = reader;
  return {
    constraints: (name, isHybrid) => reader.constraints(name, isHybrid),
    relation: async (name) => trusted(name, await reader.relation(name)),
    ...(behind ? { behind: async (name: ObjectName) => trusted(name, await behind(name)) } : {}),
  };
}

/**
 * A policy that Snowflake has on a view itself is not evaluated where the view is opened (user-guide/security-column-intro). Throws a Refusal where
 * one would have to be.
 */
function holdsItsPolicies({ objects, views }: FullAnalysis, verdict: Verdict): void {
  const treated = new Set([...verdict.masks, ...verdict.rows].map(({ object }) => objectKey(object)));
  for (const { object, relation, position } of objects) {
    const below = relation?.isUnderPolicy ? views.get(objectKey(object))?.objects : undefined;
    if (!below?.some((use) => treated.has(objectKey(use.object)))) continue;
    throw new Refusal(
      'NOT_UNDERSTOOD',
      `${showObject(object)} has a masking policy of Snowflake's own, and is made of something that is masked or filtered for you: both can't be kept.`,
      position,
      'Whoever keeps the policies can mask the columns of the view itself, or trust the view.',
    );
  }
}

/**
 * A view that is opened stands in the statement as what it is made of, and that the statement's own role has to read. Throws a Refusal where it
 * may not: of what lies below a view nothing is said.
 */
async function mayBeOpened({ objects }: FullAnalysis, verdict: Verdict, reader: CatalogReader): Promise<void> {
  const treated = new Set([...verdict.masks, ...verdict.rows].map(({ object }) => objectKey(object)));
  for (const { object, via, position } of objects) {
    const [view] = via;
    if (!view || !treated.has(objectKey(object)) || (await reader.relation(object))) continue;
    throw new Refusal(
      'NOT_UNDERSTOOD',
      `${showObject(view)} is made of something that is masked or filtered for you, and the role ${verdict.role} may read the view alone.`,
      position,
      'Whoever keeps the policies can mask the columns of the view itself, or give the role SELECT on what the view reads.',
    );
  }
}

/** With what the warehouse enforces on the changed table, where that could tell of anything hidden. It is asked for no other statement. */
async function withConstraints(
  analysis: FullAnalysis,
  reader: CatalogReader,
  policies: readonly Policy[],
): Promise<FullAnalysis> {
  const { target } = analysis;
  if (!target || !needsConstraints(policies, analysis)) return analysis;
  const found = await reader.constraints(target.object, target.relation?.isHybrid === true);
  return { ...analysis, target: { ...target, constraints: found ?? 'unreadable' } };
}

/** What a judgement holds: tables, views and detections are the catalog's and the policies' own. One without a warehouse is not to be remembered. */
function bytesOf(judged: Judged): number | undefined {
  const { analysis, verdict, denial } = judged;
  if (denial && isOutage(denial)) return undefined;
  const relations = (analysis?.objects ?? []).map(({ relation }) => relation);
  return heldBytes(judged, [...relations, analysis?.target?.relation, ...(verdict?.detect ?? [])]);
}

const circumstancesOf = (
  { hasWhere, called }: Analysis,
  question: Question,
  estimate: Estimate | undefined,
): Circumstances => ({
  hasPurpose: hasPurpose(question),
  isReported: isReported(question),
  untied: question.reported?.untied,
  hasWhere,
  functions: called,
  estimate,
});

/** What a principal puts into row predicates: part of what a verdict depends on. */
const templateValues = (policies: readonly Policy[], principal: Subject): unknown =>
  policies.some((policy) => policy.rows.some((row) => row.where?.hasTemplates))
    ? [principal.issuer, principal.subject, principal.clientId, principal.claims]
    : null;
