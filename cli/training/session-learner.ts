/** A runtime session as the training loop sees it. */
import type { Session } from "../../runtime/session.ts";
import type { SessionInferOptions } from "../../runtime/session-types.ts";
import type { Learner } from "./learner.ts";

/** Makes a learner of a session. `inference` says how to evaluate, and whether states go on from batch to batch, in training too. */
export function sessionLearner(session: Session, inference: SessionInferOptions): Learner {
  const { carry } = inference;
  return {
    get step() {
      return session.step;
    },
    train: (batches, options) => session.train(batches, { ...options, carry }),
    estimate: (batches) => session.estimate(batches, { carry }),
    evaluate: (batches) => session.evaluate(batches, inference),
    weights: () => session.weights(),
    gradients: () => session.gradients(),
    state: () => session.state(),
    restore: (state) => session.restore(state),
  };
}
