/** Units that died in training: what leads to them has no gradient any more. */
import type { SavedTensor } from "../state.ts";
import type { TrainingWarning } from "./watch.ts";

/** Steps from check to check: reading the gradients costs a transfer, which few steps should pay for. */
const EVERY = 5;
/** Checks in a row that a unit must be without gradient: one that one batch in ten reaches is missed so often once in 68. */
const IN_A_ROW = 40;
/** The share of a layer's units that is said again: a few that are dead harm little, and must not hide that most died later. */
const MANY = 0.5;

/** Tensors of one loop or model whose last dimension has the same extent, and so the same units. */
interface Layer {
  readonly names: readonly string[];
  readonly units: number;
  /** For how many checks each unit has been without gradient. */
  readonly idle: Uint32Array;
  /** Whether any of them ever had a gradient. If not, that is how the model is: behind `stop`, or before a batch norm. */
  lived: boolean;
}

/**
 * Looks at gradients now and then. A unit is dead if, for 40 checks, column j of every trained tensor that leads to it is exactly 0, as it
 * is behind a `relu` that is always 0, or a `tanh` that is 1 to the last bit. A single tensor is not enough: the columns of a matrix may
 * be inputs, in `W @ x`, and an input that is 0 is no dead unit; the next matrix and the bias have units.
 */
export class DeadUnits {
  #layers: readonly Layer[] | undefined;
  /** The largest share of a layer that was said to be dead. */
  #said = 0;

  /** Whether to look at the gradients of this step. A gradient of zero in all says that there is nothing to learn. */
  isDue(step: number, gradientNorm: number | undefined): boolean {
    return this.#said < MANY && step % EVERY === 0 && gradientNorm !== 0;
  }

  /** What a check shows: once the first units that died, and once that many did. `gradients`: of the trained parameters, by name. */
  note(step: number, gradients: ReadonlyMap<string, SavedTensor>): readonly TrainingWarning[] {
    this.#layers ??= layersOf(gradients);
    const found: string[] = [];
    let share = 0;
    for (const layer of this.#layers) {
      const live = liveUnits(layer, gradients);
      layer.lived ||= live.includes(1);
      if (!layer.lived) continue;
      for (const [unit, alive] of live.entries()) layer.idle[unit] = alive === 1 ? 0 : layer.idle[unit] + 1;
      const dead = layer.idle.filter((checks) => checks >= IN_A_ROW).length;
      if (dead > 0) found.push(`${dead} of ${layer.units} columns of ${layer.names.join(" and ")}`);
      share = Math.max(share, dead / layer.units);
    }
    if (share === 0 || (this.#said > 0 && share < MANY)) return [];
    this.#said = share;
    const message = `for ${EVERY * IN_A_ROW} steps there was no gradient in ${found.join("; ")}: units that are always zero, saturated or without effect; use a smaller learning rate, other initial values, or leaky_relu`;
    return [{ kind: "dead units", step, message }];
  }
}

/** `rnn/Wx` is of `rnn`, as `rnn/b` is. */
const loopOf = (name: string): string => name.slice(0, name.lastIndexOf("/") + 1);

function layersOf(gradients: ReadonlyMap<string, SavedTensor>): readonly Layer[] {
  const layers = new Map<string, { names: string[]; units: number; isMatrix: boolean }>();
  for (const [name, { shape }] of gradients) {
    const units = shape.at(-1) ?? 1;
    if (units === 1) continue;
    const key = `${loopOf(name)}:${units}`;
    const layer = layers.get(key) ?? { names: [], units, isMatrix: false };
    layer.names.push(name);
    layer.isMatrix ||= shape.length > 1;
    layers.set(key, layer);
  }
  return [...layers.values()]
    .filter(({ names, isMatrix }) => names.length > 1 && isMatrix)
    .map(({ names, units }) => ({ names, units, idle: new Uint32Array(units), lived: false }));
}

/** 1 for units that have a gradient in any of the layer's tensors. */
function liveUnits({ names, units }: Layer, gradients: ReadonlyMap<string, SavedTensor>): Uint8Array {
  const live = new Uint8Array(units);
  for (const name of names) {
    const data = gradients.get(name)?.data ?? new Float32Array();
    for (let row = 0; row < data.length; row += units)
      for (let unit = 0; unit < units; unit++) if (data[row + unit] !== 0) live[unit] = 1;
  }
  return live;
}
