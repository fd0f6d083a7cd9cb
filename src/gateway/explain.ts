/** The verdict on a statement without running it; recorded like every attempt. */
import { hides } from '../policy/index.js';
import { timeOrderedId } from '../transcript/index.js';
import { StatementFailed } from '../warehouse/index.js';
import { type Answer, AnswerBuilder, type QueryRequest } from './answer/answer.js';
import { errorText } from './answer/own-words.js';
import { type Judged, NOTHING_JUDGED } from './judge/judged.js';
import type { Caller, Whose } from './judge/whose.js';
import { type AdmittedParts, admitted } from './limits/admitted.js';
import type { Judging } from './limits/judging.js';
import { keepCatalog } from './record/catalog.js';
import { type FailureParts, failure } from './record/failure.js';
import { authorOf, Intent } from './record/intent.js';
import type { Nearest } from './show/nearest.js';
import { leave } from './weigh/running.js';
import { type WeighParts, weigh } from './weigh/weigh.js';

export interface ExplainParts extends AdmittedParts, WeighParts, FailureParts {
  readonly judging: Judging;
  readonly nearest: Nearest;
}

export interface Explained {
  readonly judged: Judged;
  readonly bytes: number | undefined;
  readonly answer: Answer;
}

export async function explain(parts: ExplainParts, caller: Caller, request: QueryRequest): Promise<Explained> {
  const statementId = timeOrderedId();
  const answer = new AnswerBuilder(statementId, performance.now(), parts.now());
  const { principal } = caller;
  try {
    const { session, whose, asked } = await admitted(parts, caller, request, answer.askedAt);
    answer.session = session;
    const found = await parts.judging.inTurn(whose, asked);
    const [hinted] = await Promise.all([
      parts.nearest.of(principal, whose.policies, found),
      keepCatalog(parts.transcript, found),
    ]);
    const intent = await weigh(
      parts,
      new Intent(authorOf(parts.transcript, whose), session, statementId, asked, hinted, true),
      whose,
    );
    const { judged } = intent;
    parts.counters.verdict(judged.verdict?.decision ?? 'deny', judged.denial?.code);
    // A look and no attempt: what would be refused is no refusal, and nothing of it ends.
    await parts.transcript.recorder.append(
      intent.event('statement_submitted', {
        denial: judged.denial ?? null,
        ...(judged.denial ? { verdict: 'deny' } : {}),
      }),
    );
    if (judged.denial) return { judged, bytes: undefined, answer: answer.denied(judged.denial) };
    return { judged, ...(await scanned(parts, answer, intent, whose)) };
  } catch (error) {
    return { judged: NOTHING_JUDGED, bytes: undefined, answer: failure(parts, answer, error) };
  } finally {
    leave(parts, statementId);
  }
}

/** How much it would scan; not told where that would tell of what is hidden, nor does it then compile there. */
async function scanned(
  { counting }: WeighParts,
  answer: AnswerBuilder,
  intent: Intent,
  { principal }: Whose,
): Promise<{ bytes: number | undefined; answer: Answer }> {
  const { verdict, analysis } = intent.judged;
  if (!verdict || hides(verdict) || analysis?.kind === 'describe')
    return { bytes: undefined, answer: answer.finish({ status: 'ok' }) };
  try {
    const bytes = verdict.estimate?.bytes ?? (await counting.bytesOf(intent.judged, intent, principal));
    return { bytes, answer: answer.finish({ status: 'ok' }) };
  } catch (error) {
    if (!(error instanceof StatementFailed)) throw error;
    const message = errorText(error, intent.judged, verdict);
    return { bytes: undefined, answer: answer.finish({ status: 'error', error: { code: error.code, message } }) };
  }
}
