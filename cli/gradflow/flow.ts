/** Measures how much gradient reaches each state at each step: ‖∂loss/∂h_t‖ (Cooijmans et al. 2016, figure 1a). */
import { elementsOf } from "../../runtime/layout.ts";
import type { Plan, Tensor } from "../../runtime/plan.ts";
import type { Session } from "../../runtime/session.ts";
import type { TaskBatch } from "../data/task.ts";
import { lengthsAlong } from "../data/time-axes.ts";

/** The norms of one state's gradients, with one initial gain, after some training. */
export interface Flow {
  /** Initial gain of all norms. */
  readonly gamma: number;
  /** Training steps done. */
  readonly trained: number;
  readonly state: string;
  /** [T]: at t the mean over the batch's examples that have step t of ‖∂loss/∂state_t‖₂, where the loss is that of the batch. */
  readonly norms: readonly number[];
}

const PREFIX = "d_state/";

/** The gradients of states that a plan returns, by the states' names, with the time axes of their loops. */
function gradientsOf(plan: Plan): ReadonlyMap<string, Tensor> {
  const tensors = plan.entries.train?.tensors ?? [];
  return new Map(
    tensors.flatMap((tensor) =>
      tensor.name.startsWith(PREFIX) ? [[tensor.name.slice(PREFIX.length), tensor] as const] : [],
    ),
  );
}

/** Runs forward and backward on a batch, without an optimiser step, and measures every state. */
export async function measureFlow(
  session: Session,
  batch: TaskBatch,
): Promise<readonly Pick<Flow, "state" | "norms">[]> {
  await session.run("train", batch);
  const flows: Pick<Flow, "state" | "norms">[] = [];
  for (const [state, { name, axis, shape }] of gradientsOf(session.plan)) {
    const gradient = await session.read(name);
    const steps = gradient.length / elementsOf(shape);
    flows.push({
      state,
      norms: meanNorms(gradient, { steps, examples: batch.examples, lengths: lengthsAlong(batch, axis) }),
    });
  }
  return flows;
}

/**
 * [T, B, …] → [T]: at each step, the mean over the examples that have it of the norm of each example's gradient. Where all are shorter
 * than the batch, T is the length of the longest.
 */
export function meanNorms(
  gradient: Float32Array,
  { steps, examples, lengths }: { readonly steps: number; readonly examples: number; readonly lengths?: Uint32Array },
): readonly number[] {
  const width = gradient.length / (steps * examples);
  const longest = lengths === undefined ? steps : Math.max(...lengths);
  return Array.from({ length: longest }, (_, t) => {
    let [sum, count] = [0, 0];
    for (let example = 0; example < examples; example++) {
      if (lengths !== undefined && lengths[example] <= t) continue;
      const from = (t * examples + example) * width;
      let squares = 0;
      for (let i = 0; i < width; i++) squares += gradient[from + i] ** 2;
      sum += Math.sqrt(squares);
      count++;
    }
    return sum / count;
  });
}
