/** Measures how much gradient reaches each state at each step: ‖∂loss/∂h_t‖ (Cooijmans et al. 2016, figure 1a). */
import type { Plan } from "../../runtime/plan.ts";
import type { Session } from "../../runtime/session.ts";
import type { TaskBatch } from "../data/task.ts";

/** The norms of one state's gradients, with one initial gain, after some training. */
export interface Flow {
  /** Initial gain of all norms. */
  readonly gamma: number;
  /** Training steps done. */
  readonly trained: number;
  readonly state: string;
  /** [T]: at t the mean over the batch's examples of ‖∂loss/∂state_t‖₂, where the loss is the mean over examples. */
  readonly norms: readonly number[];
}

const PREFIX = "d_state/";

/** The states whose gradients a plan returns. */
export function statesOf(plan: Plan): readonly string[] {
  const tensors = plan.entries.train?.tensors ?? [];
  return tensors.flatMap(({ name }) => (name.startsWith(PREFIX) ? [name.slice(PREFIX.length)] : []));
}

/** Runs forward and backward on a batch, without an optimiser step, and measures every state. */
export async function measureFlow(
  session: Session,
  batch: TaskBatch,
): Promise<readonly Pick<Flow, "state" | "norms">[]> {
  await session.run("train", batch);
  const flows: Pick<Flow, "state" | "norms">[] = [];
  for (const state of statesOf(session.plan)) {
    const gradient = await session.read(`${PREFIX}${state}`);
    flows.push({ state, norms: meanNorms(gradient, batch.steps, batch.examples) });
  }
  return flows;
}

/** [T, B, …] → [T]: at each step, the mean over examples of the norm of each example's gradient. */
export function meanNorms(gradient: Float32Array, steps: number, examples: number): readonly number[] {
  const width = gradient.length / (steps * examples);
  return Array.from({ length: steps }, (_, t) => {
    let sum = 0;
    for (let example = 0; example < examples; example++) {
      const from = (t * examples + example) * width;
      let squares = 0;
      for (let i = 0; i < width; i++) squares += gradient[from + i] ** 2;
      sum += Math.sqrt(squares);
    }
    return sum / examples;
  });
}
