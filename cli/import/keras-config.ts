/** What Keras' description of a model says of its recurrent layers, which their tensors do not show. */
import { cannotTakeOver } from "./cannot-take-over.ts";
import type { SourceFile } from "./source-tensor.ts";
import type { Kind } from "./units.ts";

type Config = Readonly<Record<string, unknown>>;

const isConfig = (value: unknown): value is Config =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What the equations of our cells need each option to be. `undefined` in a description: Keras' default, which is this. */
const WANTED: Readonly<Record<string, unknown>> = {
  recurrent_activation: "sigmoid",
  go_backwards: false,
  time_major: false,
};

export interface KerasDescription {
  /** What was taken for granted because the file does not describe its model, a sentence each. */
  readonly said: readonly string[];
  /** The activation of each layer that is described, by its name. */
  readonly activations: ReadonlyMap<string, string>;
}

/** Checks the layers called `names`. Throws C0413 for one with another activation, or that gives its steps in another order. */
export function checkConfig({ path, notes }: SourceFile, names: readonly string[], kind: Kind): KerasDescription {
  const activation = kind === "rnn" ? "the cell's activation" : "tanh and sigmoid";
  if (notes.config === undefined) {
    const said = [
      `${path} does not describe its model: its activations are taken to be ${activation}, and its biases' order Keras' own`,
    ];
    return { said, activations: new Map() };
  }
  let model: unknown;
  try {
    model = JSON.parse(notes.config);
  } catch {
    throw cannotTakeOver(`the description of the model in ${path} is not JSON`);
  }
  const found = layersIn(model);
  const activations = new Map<string, string>();
  for (const name of names) {
    const layer = found.get(name);
    if (layer === undefined) continue;
    const inner = isConfig(layer.layer) && isConfig(layer.layer.config) ? layer.layer.config : layer;
    if (inner !== layer && (layer.merge_mode ?? "concat") !== "concat")
      throw cannotTakeOver(
        `${name} in ${path} merges its directions by ${JSON.stringify(layer.merge_mode)}, and the layers of a cell are joined by concat`,
      );
    if (typeof inner.activation === "string") activations.set(name, inner.activation);
    const wanted = kind === "rnn" ? { ...WANTED, recurrent_activation: undefined } : { ...WANTED, activation: "tanh" };
    for (const [option, value] of Object.entries(wanted)) {
      const there = inner[option];
      if (value !== undefined && there !== undefined && there !== null && there !== value)
        throw cannotTakeOver(
          `${name} in ${path} has ${option} = ${JSON.stringify(there)}, and the cell computes with ${JSON.stringify(value)}`,
        );
    }
  }
  return { said: [], activations };
}

/** The configurations of all layers of a model, by their names, however deep. */
function layersIn(value: unknown, found = new Map<string, Config>(), depth = 0): ReadonlyMap<string, Config> {
  if (depth > 64) return found;
  if (Array.isArray(value)) for (const one of value) layersIn(one, found, depth + 1);
  else if (isConfig(value)) {
    const { config } = value;
    if (isConfig(config) && typeof config.name === "string") found.set(config.name, config);
    for (const one of Object.values(value)) layersIn(one, found, depth + 1);
  }
  return found;
}
