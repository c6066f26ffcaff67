/** A runtime session as the training loop sees it. */
import type { Session } from "../../runtime/session.ts";
import type { InferOptions } from "../../runtime/session-types.ts";
import type { Learner } from "./learner.ts";

/** Makes a learner of a session. `inference` says how to evaluate. */
export function sessionLearner(session: Session, inference: InferOptions): Learner {
  return {
    get step() {
      return session.step;
    },
    train: (batches, options) => session.train(batches, options),
    estimate: (batches) => session.estimate(batches),
    evaluate: (batches) => session.evaluate(batches, inference),
    weights: () => session.weights(),
    state: () => session.state(),
    restore: (state) => session.restore(state),
  };
}
