/** The tool that tells the verdict on a statement, and runs nothing. */
import { z } from 'zod';
import { readMasks, showRows } from '../../gateway/index.js';
import { methodName } from '../../masking/index.js';
import { shownUses, showObject, withoutViews } from '../../sql/index.js';
import { toldLine } from '../../visible-text/index.js';
import { answerText, fenced, named, newMark, untrusted } from '../text.js';
import { denialShape, problemOf, untrustedShape, withoutGaps } from './answered.js';
import { queryInput, requestOf } from './statement.js';
import type { Tool } from './tool.js';

const explainInput = queryInput.omit({ max_rows: true, format: true });

export const explain: Tool = {
  name: 'explain',
  title: 'Explain a verdict',
  description:
    'Says what would happen to a statement without running it: whether it would be allowed, denied or need approval, by which rules, which objects and columns it touches, what would be masked, and how much it would scan at most.',
  input: explainInput,
  output: z.object({
    verdict: z.enum(['allow', 'deny', 'approve', 'error']),
    statement_id: z.string(),
    session: z.string().nullable(),
    kind: z.string().nullable(),
    approval_groups: z.array(z.string()),
    estimated_bytes: z.number().nullable(),
    denial: denialShape.optional(),
    ...untrustedShape({
      objects: z.array(z.object({ object: z.string(), access: z.string(), via: z.array(z.string()) })),
      columns: z.array(z.string()),
      rules: z.array(
        z.object({ effect: z.string(), kind: z.string(), object: z.string(), policy: z.string(), rule: z.string() }),
      ),
      masks: z.array(
        z.object({ column: z.string(), mask: z.string(), rule: z.string(), reason: z.string().optional() }),
      ),
      row_predicates: z.array(z.object({ object: z.string(), where: z.string(), rule: z.string() })),
      error: z.object({ code: z.string(), message: z.string() }).optional(),
    }),
  }),
  isReadOnly: true,
  call: async (input, context) => {
    const parsed = explainInput.parse(input);
    const { judged, bytes, answer: given } = await context.gateway.explain(context.caller, requestOf(parsed, context));
    const answer = named(given, context.toolPrefix);
    const { analysis, verdict } = judged;
    const denial = answer.denial;
    const decision = answer.status === 'error' ? 'error' : denial ? 'deny' : (verdict?.decision ?? 'deny');
    // Of a statement that is refused nothing is told that only a view's text names.
    const isRefused = decision === 'deny' || decision === 'error';
    const shown = isRefused && analysis ? withoutViews(analysis) : analysis;
    const beyond = new Set(
      isRefused ? analysis?.objects.flatMap(({ object, via }) => (via.length > 0 ? showObject(object) : [])) : [],
    );
    const isShown = (object: string): boolean => !beyond.has(object);
    const masks = readMasks(verdict?.masks ?? [], analysis).filter(({ object }) => isShown(showObject(object)));
    const rows = verdict?.rows.filter(({ object }) => isShown(showObject(object))) ?? [];
    const mark = newMark();
    // Names of tables and columns are others' words, and rows are told with what stands in a principal's claims.
    const told = {
      ...shownUses(shown),
      rules: verdict?.rules.filter(({ object }) => isShown(object)) ?? [],
      masks: masks.map((mask) =>
        withoutGaps({
          column: `${showObject(mask.object)}.${mask.column}`,
          mask: methodName(mask.method),
          rule: mask.rule,
          reason: mask.reason,
        }),
      ),
      row_predicates: rows.map((entry) => ({
        object: showObject(entry.object),
        where: showRows(entry),
        rule: entry.rule,
      })),
    };
    const out = {
      verdict: decision,
      statement_id: answer.statementId,
      session: answer.session,
      kind: judged.statement?.kind ?? null,
      approval_groups: [...new Set(verdict?.approval?.requirements.flatMap(({ groups }) => groups) ?? [])],
      estimated_bytes: bytes ?? null,
      ...(denial ? { denial: withoutGaps(denial) } : {}),
      ...untrusted('names of objects and columns', { ...told, ...problemOf(answer) }, mark),
    };
    const touched = [
      ...told.rules.map((rule) => `${rule.effect} ${rule.kind} on ${rule.object}: ${rule.policy}, ${rule.rule}`),
      ...told.masks.map((mask) => `masked ${String(mask['column'])}: ${String(mask['mask'])}, ${String(mask['rule'])}`),
      ...told.row_predicates.map((rows) => `rows of ${rows.object} where ${rows.where}, ${rows.rule}`),
    ];
    const lines = [
      denial || answer.status === 'error' ? answerText(answer, context, mark) : `Verdict: ${decision}.`,
      ...(bytes === undefined ? [] : [`At most ${bytes} bytes would be scanned.`]),
      ...(touched.length === 0 ? [] : [fenced(touched.map(toldLine).join('\n'), mark)]),
    ];
    return { text: lines.join('\n'), structured: out, isError: answer.status === 'error' };
  },
};
