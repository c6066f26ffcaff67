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

/** What Keras calls each kind. */
export const KERAS_NAMES = { lstm: "LSTM", gru: "GRU", rnn: "SimpleRNN" } as const satisfies Readonly<
  Record<Kind, string>
>;

/** A recurrent layer as a model describes it. */
interface Described {
  readonly name: string;
  /** Of the layer itself, or of the wrapper for both directions. */
  readonly outer: Config;
  /** Of the layer. */
  readonly inner: Config;
}

/** The recurrent layers of a kind that a file describes, in the order of its model; undefined if it describes none. */
export function describedLayers({ path, notes }: SourceFile, kind: Kind): readonly Described[] | undefined {
  if (notes.config === undefined) return undefined;
  try {
    return layersIn(JSON.parse(notes.config), KERAS_NAMES[kind]);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw cannotTakeOver(`the description of the model in ${path} is not JSON`);
  }
}

/** All layers of a class in a model, however deep. */
function layersIn(value: unknown, kind: string, depth = 0): readonly Described[] {
  // Deeper than any model: a description that is no model's.
  if (depth > 64) return [];
  if (Array.isArray(value)) return value.flatMap((one) => layersIn(one, kind, depth + 1));
  if (!isConfig(value)) return [];
  const { class_name: type, config } = value;
  if (isConfig(config) && typeof config.name === "string") {
    if (type === kind) return [{ name: config.name, outer: config, inner: config }];
    const { layer } = config;
    if (type === "Bidirectional" && isConfig(layer))
      return layer.class_name === kind && isConfig(layer.config)
        ? [{ name: config.name, outer: config, inner: layer.config }]
        : [];
  }
  return Object.values(value).flatMap((one) => layersIn(one, kind, depth + 1));
}

/** The layers of a kind in a file: those that are wanted, in their order, and all. */
export interface LayerNames {
  readonly wanted: readonly string[];
  readonly all: readonly string[];
}

/**
 * The description of each of the wanted layers: by their names, or, as Keras 3 numbers the layers of a class in a file whatever they are
 * called, by their numbers. Undefined if the file does not describe them.
 */
function descriptionsOf(
  described: readonly Described[],
  { wanted, all }: LayerNames,
): readonly Described[] | undefined {
  const byName = wanted.map((name) => described.find((one) => one.name === name));
  if (byName.every((one) => one !== undefined)) return byName;
  const numbered = inNumbers(all);
  if (numbered === undefined || described.length !== all.length) return undefined;
  return wanted.map((name) => described[numbered.indexOf(name)]);
}

/** Names such as `lstm`, `lstm_1`, `lstm_2` in their order; undefined if they are others. */
export function inNumbers(names: readonly string[]): readonly string[] | undefined {
  if (new Set(names.map((name) => name.replace(/_\d+$/, ""))).size !== 1) return undefined;
  const numberOf = (name: string): number => Number(/_(\d+)$/.exec(name)?.[1] ?? 0);
  return names.toSorted((a, b) => numberOf(a) - numberOf(b));
}

export interface Checked {
  /** What was taken for granted because the file does not say it, a sentence each. */
  readonly said: readonly string[];
  /** The activation of each layer, if that is described. */
  readonly activations: readonly (string | undefined)[];
}

/** Checks layers of a kind. Throws C0413 for one with another activation, or that gives its steps in another order. */
export function checkConfig(file: SourceFile, names: LayerNames, kind: Kind): Checked {
  const { path } = file;
  const found = descriptionsOf(describedLayers(file, kind) ?? [], names);
  if (found === undefined) {
    const activation = kind === "rnn" ? "that of the cell" : "tanh and sigmoid";
    const said = `${path} does not describe its layers: their activations are taken to be ${activation}`;
    return { said: [said], activations: names.wanted.map(() => undefined) };
  }
  const wanted = kind === "rnn" ? { ...WANTED, recurrent_activation: undefined } : { ...WANTED, activation: "tanh" };
  for (const { name, outer, inner } of found) {
    if (inner !== outer && (outer.merge_mode ?? "concat") !== "concat")
      throw cannotTakeOver(
        `${name} in ${path} merges its directions by ${JSON.stringify(outer.merge_mode)}, and the layers of a cell are joined by concat`,
      );
    for (const [option, value] of Object.entries(wanted)) {
      const there = inner[option];
      if (value !== undefined && there !== undefined && there !== null && there !== value)
        throw cannotTakeOver(
          `${name} in ${path} has ${option} = ${JSON.stringify(there)}, and the cell computes with ${JSON.stringify(value)}`,
        );
    }
  }
  const activations = found.map(({ inner: { activation } }) =>
    typeof activation === "string" ? activation : undefined,
  );
  return { said: [], activations };
}
