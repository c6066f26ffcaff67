/** A runtime session as the training loop sees it. */

import { RuntimeError } from "../../runtime/error.ts";
import type { Session } from "../../runtime/session.ts";
import type { SessionInferOptions } from "../../runtime/session-types.ts";
import { saveCheckpoint } from "./checkpoint.ts";
import type { Learner } from "./learner.ts";

/**
 * Makes a learner of a session. A loss or statistic that is not finite is not an error: the training loop handles it. `inference`
 * says how to evaluate, and whether states go on from batch to batch, in training too.
 */
export function sessionLearner(session: Session, inference: SessionInferOptions): Learner {
  const { carry } = inference;
  return {
    get step() {
      return session.step;
    },
    async train(batch, { learningRate, clip, momentum }) {
      const report = await finite(session.train(batch, { lr: learningRate, clip, momentum, carry }));
      return report instanceof RuntimeError ? { loss: Number.NaN, metrics: {}, refused: report.message } : report;
    },
    estimate: async (batches) => !((await finite(session.estimate(batches, { carry }))) instanceof RuntimeError),
    evaluate: (batches) => session.evaluate(batches, inference),
    save: async (path) => saveCheckpoint(path, await session.state()),
  };
}

async function finite<T>(work: Promise<T>): Promise<T | RuntimeError> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof RuntimeError && error.code === "C0502") return error;
    throw error;
  }
}
