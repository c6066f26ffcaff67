/** The exponential moving average of a model's parameters (Polyak & Juditsky 1992). */
import { ownTensors } from "../check-state.ts";
import { RuntimeError } from "../error.ts";
import { shown } from "../shown.ts";
import type { SavedTensor, SessionState } from "../state.ts";

/** What is averaged: a session, or what behaves as one. */
export interface Averaged {
  weights(): Promise<Map<string, Float32Array>>;
  state(): Promise<SessionState>;
}

export class WeightAverage {
  readonly #decay: number;
  readonly #average: Map<string, Float32Array>;

  private constructor(decay: number, average: Map<string, Float32Array>) {
    this.#decay = decay;
    this.#average = average;
  }

  /** Goes on with the average of a checkpoint, or begins at the present parameters. Errors: C0406 (decay), C0404 and C0403 (average). */
  static async begin(decay: number, of: Averaged, before?: ReadonlyMap<string, SavedTensor>): Promise<WeightAverage> {
    if (!(decay >= 0 && decay < 1))
      throw new RuntimeError(
        "C0406",
        `the decay of averaged weights is a number from 0 to below 1, not ${shown(decay)}`,
      );
    const now = await of.weights();
    if (before === undefined) return new WeightAverage(decay, now);
    const own = ownTensors({ ...(await of.state()), tensors: before });
    const strange = [...now].find(([name, { length }]) => own.get(name)?.length !== length);
    if (strange !== undefined || own.size !== now.size)
      throw new RuntimeError("C0403", `the averaged weights of the checkpoint are not those of this model`);
    return new WeightAverage(decay, own);
  }

  /**
   * Counts the parameters after update number `step`. The first updates weigh more, so that the start is forgotten: the decay is at most
   * (1 + step) / (10 + step), as TensorFlow has it.
   */
  async add(of: Averaged, step: number): Promise<void> {
    const decay = Math.min(this.#decay, (1 + step) / (10 + step));
    for (const [name, now] of await of.weights()) {
      const average = this.#average.get(name)!;
      for (let i = 0; i < now.length; i++) average[i] += (1 - decay) * (now[i] - average[i]);
    }
  }

  /** A session's state with the averages in place of its parameters. */
  in(state: SessionState): SessionState {
    const tensors = new Map(state.tensors);
    for (const [name, data] of this.#average)
      tensors.set(name, { shape: state.tensors.get(name)!.shape, data: data.slice() });
    return { ...state, tensors };
  }

  /** A session's state that a checkpoint can be written of to go on: with its own parameters, and the averages beside them. */
  beside(state: SessionState): SessionState {
    const average = new Map(
      [...this.#average].map(([name, data]) => [name, { shape: state.tensors.get(name)!.shape, data: data.slice() }]),
    );
    return { ...state, average };
  }
}
