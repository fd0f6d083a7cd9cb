/**
 * What a statement does and whether this principal may do that: reading, analysis, verdict and the text to send, remembered for a
 * minute. It runs nothing and records nothing.
 */
import { createHash } from 'node:crypto';
import { maskExpression, methodName } from '../../masking/index.js';
import {
  type AppliedMask,
  ByColumn,
  type Circumstances,
  type Denial,
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
  Budget,
  type CatalogReader,
  type Count,
  cteNames,
  type Defaults,
  Disagreement,
  type FullAnalysis,
  type KeptAnalysis,
  type KeptStatement,
  keptAnalysis,
  keptRefused,
  keptStatement,
  lookUp,
  Making,
  type Origin,
  objectKey,
  Refusal,
  type RelationInfo,
  readNames,
  readStatement,
  rewrite,
  type Statement,
  secondOpinion,
  showObject,
  spending,
  type Treatment,
} from '../../sql/index.js';
import { type PoolKey, WarehouseUnavailable } from '../../warehouse/index.js';
import { heldBytes } from './held-bytes.js';
import { Judgements } from './judgements.js';

/** A statement judged: all that is needed to run it, or the reason why it isn't. */
export interface Judged {
  /** Of the set of policies that it was judged by, and no other. */
  readonly version: string;
  /** undefined where the text is not one statement. Nothing of how it was read is kept, here or in the analysis. */
  readonly statement: JudgedStatement | undefined;
  readonly analysis: KeptAnalysis | undefined;
  readonly verdict: Verdict | undefined;
  readonly denial: Denial | undefined;
  /** The text to send. */
  readonly sent: string | undefined;
  readonly outputMasks: readonly OutputMask[];
}

export type JudgedStatement = KeptStatement & {
  /** The same for statements that differ only in their literals. */
  readonly fingerprint: string;
};

export interface OutputMask {
  /** undefined where the analysis gives no name, or many columns stand behind this one (PIVOT). */
  readonly name: string | undefined;
  readonly mask: string | null;
  /** Columns of base tables that it is made of; none where the analysis does not say. */
  readonly origins: readonly Origin[];
  /** It stands for as many columns as there are values in the data, named after them. */
  readonly isMany: boolean;
}

/** Where objects are looked up, and a number that changes when what was known of them no longer holds. */
export interface Catalogs {
  readonly version: number;
  readonly reader: (key: PoolKey) => CatalogReader;
}

export interface JudgeParts {
  readonly catalogs: Catalogs;
  readonly defaults: Defaults;
  readonly onUnreachable: (error: WarehouseUnavailable) => void;
  readonly onDisagreement: (parser: string, fingerprint: string) => void;
}

export interface Question {
  readonly sql: string;
  readonly purpose?: string | undefined;
}

export const UNREACHABLE: Denial = {
  code: 'WAREHOUSE_UNAVAILABLE',
  message: 'Snowflake is not reachable at the moment.',
  hint: 'Try again later.',
};

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
          Boolean(request.purpose?.trim()),
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
      const budget = new Budget();
      // Names come before what there is: what no rule lets them see is refused without a question to the catalog.
      const named = await readNames(read, this.#parts.defaults, budget);
      const refused = (analysis: FullAnalysis, verdict: Verdict): Judged => ({
        ...nothing,
        statement,
        analysis: keptRefused(analysis),
        verdict,
        denial: verdict.denial,
      });
      const barred = decideNamed({ ...rules, subject: principal, analysis: named.analysis });
      if (barred) return refused(named.analysis, barred);
      const { role, warehouse } = standing(policies);
      const catalog = this.#parts.catalogs.reader({ role, warehouse, whose: whoseOf(principal) });
      const reader = trusting(catalog, policies);
      const analysed = await lookUp(named, reader, budget, (object) => mayBeLookedUp(policies, object));
      secondOpinion(analysed, cteNames(analysed.statement));
      const circumstances = circumstancesOf(analysed, request, undefined);
      const spend = spending(budget, analysed.statement, 'columns');
      const before = decide({ ...rules, subject: principal, analysis: analysed, circumstances }, spend);
      // Nothing is asked about a table which may not be changed anyhow.
      if (before.denial) return refused(analysed, before);
      const analysis = await withConstraints(analysed, reader, policies);
      const verdict =
        analysis === analysed ? before : decideAgain({ ...rules, subject: principal, analysis, circumstances }, before);
      if (verdict.denial) return refused(analysis, verdict);
      const views = await secureViews(verdict, catalog);
      const sent = rewrite(analysis, treatments(verdict, views), budget);
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
        return { ...nothing, statement, denial: UNREACHABLE };
      }
      throw error;
    }
  }
}

/** Whose connections the questions to the catalog take. */
const whoseOf = ({ issuer, subject }: Subject): string => `${issuer} ${subject}`;

/**
 * A view whose text can't be read stands for itself where the policies trust it: its own rules, masks and rows hold, no others. What
 * lies below is not known, so a policy that hides anything at all has to trust it, too.
 */
const trusting = (reader: CatalogReader, policies: readonly Policy[]): CatalogReader => ({
  constraints: (name, isHybrid) => reader.constraints(name, isHybrid),
  relation: async (name) => {
    const relation = await reader.relation(name);
    if (relation?.kind !== 'view' || relation.viewText?.trim()) return relation;
    const { isGiven, withheldBy } = trustIn(policies, name);
    if (isGiven) return { ...relation, kind: 'table' };
    // Said only to whoever may read the view at all: its objects are judged before.
    const unreadable = `its text is not visible to the gateway, and ${withheldBy?.name}, which hides something, does not trust it`;
    return withheldBy ? { ...relation, unreadable } : relation;
  },
});

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

/** The secure views that stand for tables, by key. Throws a Refusal where one is not there or not secure: no rows are better than all. */
async function secureViews(verdict: Verdict, reader: CatalogReader): Promise<ReadonlyMap<string, RelationInfo>> {
  const views = new Map<string, RelationInfo>();
  for (const { secureView, object, rule } of verdict.rows) {
    if (!secureView || views.has(objectKey(secureView))) continue;
    const relation = await reader.relation(secureView);
    if (relation?.kind !== 'view' || !relation.isSecure)
      throw new Refusal(
        'NOT_UNDERSTOOD',
        `${showObject(object)} is read through ${showObject(secureView)} (${rule}), and there is no such secure view.`,
        undefined,
        'Whoever keeps the policies has to mend this.',
      );
    views.set(objectKey(secureView), relation);
  }
  return views;
}

/** What a judgement holds: tables, views and detections are the catalog's and the policies' own. One without a warehouse is not to be remembered. */
function bytesOf(judged: Judged): number | undefined {
  const { analysis, verdict, denial } = judged;
  if (denial?.code === 'WAREHOUSE_UNAVAILABLE') return undefined;
  const relations = (analysis?.objects ?? []).map(({ relation }) => relation);
  return heldBytes(judged, [...relations, analysis?.target?.relation, ...(verdict?.detect ?? [])]);
}

const circumstancesOf = (
  { hasWhere, called }: Analysis,
  { purpose }: Question,
  estimate: Estimate | undefined,
): Circumstances => ({ hasPurpose: Boolean(purpose?.trim()), hasWhere, functions: called, estimate });

/** What a principal puts into row predicates: part of what a verdict depends on. */
const templateValues = (policies: readonly Policy[], principal: Subject): unknown =>
  policies.some((policy) => policy.rows.some((row) => row.where?.hasTemplates))
    ? [principal.issuer, principal.subject, principal.clientId, principal.claims]
    : null;

function treatments(verdict: Verdict, views: ReadonlyMap<string, RelationInfo>): ReadonlyMap<string, Treatment> {
  const out = new Map<
    string,
    {
      columns: Map<string, ((identifier: string) => string) | 'deny'>;
      predicate: string | undefined;
      predicates: Set<string>;
      source: RelationInfo | undefined;
    }
  >();
  const entry = (key: string) => {
    const known = out.get(key) ?? {
      columns: new Map(),
      predicate: undefined,
      predicates: new Set<string>(),
      source: undefined,
    };
    out.set(key, known);
    return known;
  };
  for (const mask of verdict.masks) {
    const { method, type } = mask;
    entry(objectKey(mask.object)).columns.set(
      mask.column,
      method.kind === 'deny' ? 'deny' : (identifier) => maskExpression(method, identifier, type),
    );
  }
  for (const rows of verdict.rows) {
    const known = entry(objectKey(rows.object));
    if (rows.secureView) known.source = views.get(objectKey(rows.secureView));
    if (rows.where === undefined) continue;
    // A table that is read and changed comes twice with the same rows.
    if (known.predicates.has(rows.where)) continue;
    known.predicates.add(rows.where);
    known.predicate = known.predicate === undefined ? rows.where : `( ${known.predicate} ) AND ( ${rows.where} )`;
  }
  return out;
}

function outputMasks(analysis: FullAnalysis, masks: readonly AppliedMask[], spend: Count): OutputMask[] {
  const masked = new ByColumn(masks);
  const ranks = new Map(masks.map((mask, at) => [mask, at]));
  // Columns that come from the same share the list of it.
  const known = new Map<readonly Origin[], string | null>();
  const methodsOf = (origins: readonly Origin[]): string | null => {
    const found = known.get(origins);
    if (found !== undefined) return found;
    const applied = [...new Set(origins.flatMap((origin) => masked.of(origin) ?? []))];
    // In the order of the masks, which is the tables' own.
    applied.sort((one, other) => (ranks.get(one) ?? 0) - (ranks.get(other) ?? 0));
    const methods = [...new Set(applied.map(({ method }) => methodName(method)))];
    const made = methods.length === 0 ? null : methods.join(', ');
    known.set(origins, made);
    return made;
  };
  const tables = new Map(analysis.objects.map(({ object, relation }) => [objectKey(object), relation]));
  // What a detector lets pass is told by columns: a virtual one holds texts of those that it is made of.
  const sources = new Map<readonly Origin[], readonly Origin[]>();
  const withSources = (origins: readonly Origin[]): readonly Origin[] => {
    const found = sources.get(origins);
    if (found) return found;
    const more = origins.flatMap(({ object, column }) => {
      const relation = tables.get(objectKey(object));
      return relation
        ? Making.of(relation.columns)
            .sourcesOf(column)
            .map((source) => ({ object, column: source.column }))
        : [];
    });
    spend(more.length);
    const made = more.length === 0 ? origins : [...origins, ...more];
    sources.set(origins, made);
    return made;
  };
  return analysis.outputs.map(({ name, origins, isMany = false }) => ({
    name,
    mask: methodsOf(origins),
    origins: withSources(origins),
    isMany,
  }));
}

/** The same for statements that differ only in their literals. */
export function fingerprintOf({ tokens }: Pick<Statement, 'tokens'>): string {
  const shape = tokens.map(({ kind, text }) =>
    kind === 'string' || kind === 'number' ? '?' : kind === 'word' ? text.toUpperCase() : text,
  );
  return createHash('sha256').update(shape.join(' ')).digest('hex').slice(0, 16);
}

/** Of a text that is no statement. */
export const NO_FINGERPRINT = fingerprintOf({ tokens: [] });
