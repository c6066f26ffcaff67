/** The weights of another library's layers, as the numbers of a cell's parameters. */
import type { Bindings } from "../../compiler/ir/tensor.ts";
import type { Elaborated } from "../../compiler/semantics/elaborate.ts";
import { elementsOf, type Kept } from "../../runtime/layout.ts";
import { keyOf, normalAt } from "../../runtime/random.ts";
import { type CellLayers, cellLayers, kindWords } from "./cell-layers.ts";
import type { SuggestDims } from "./import-target.ts";
import { KERAS_NAMES } from "./keras-config.ts";
import { kerasLayers } from "./keras-units.ts";
import { type SourceName, sources } from "./source-names.ts";
import type { SourceFile } from "./source-tensor.ts";
import { Taken, takeOver } from "./take-over.ts";
import { type SourceLayers, torchLayers } from "./torch-units.ts";
import { inSingle, type Unit, withRandomNumbers } from "./units.ts";
import { differenceOf, requireEqual, run } from "./verify.ts";

export interface LayerOptions {
  readonly prefix?: string;
  /** Scans of the model that are meant. */
  readonly scan?: readonly string[];
  /** Keras' layers, from the first to the last. */
  readonly layers?: readonly string[];
}

/** The numbers that a cell's parameters have afterwards. */
export interface LibraryNumbers {
  readonly numbers: ReadonlyMap<string, Float32Array>;
  /** The tensors of the file that they are made of. */
  readonly used: ReadonlySet<string>;
  readonly said: readonly string[];
  /** The largest difference of the outputs, relative to the largest one. */
  readonly error: number;
}

/** The extents of all dimensions: those of no cell stand for few steps and examples. */
const extentsOf = ({ dims }: Elaborated): Bindings => ({
  steps: run.steps,
  ...dims,
  time: run.steps,
  batch: run.examples,
});

/** The dimensions of a cell that a file's layers have numbers for. A cell that has no such layers is refused later. */
export const sizesIn =
  (file: SourceFile, from: SourceName, options: LayerOptions): SuggestDims =>
  async (elaborated) => {
    const layers = cellLayers(elaborated.graph, extentsOf(elaborated), sources[from].kind, options.scan);
    const { layers: units } = await read(file, from, options, layers);
    const found: Record<string, number> = {};
    layers.layers.forEach((layer, at) => {
      layer.forEach(({ dims }, i) => {
        const unit = units[at]?.[i];
        if (unit === undefined) return;
        if (at === 0 && dims.input !== undefined) found[dims.input] ??= unit.inputSize;
        if (dims.size !== undefined) found[dims.size] ??= unit.size;
      });
    });
    return found;
  };

function read(
  file: SourceFile,
  from: SourceName,
  { prefix, layers }: LayerOptions,
  cell: CellLayers,
): Promise<SourceLayers> {
  const { kind } = cell;
  const { library } = sources[from];
  if (library === "torch") return torchLayers(file, kind, prefix);
  return kerasLayers(file, { kind, prefix, layers, directions: cell.layers.map((layer) => layer.length) });
}

/** Throws C0413 and C0301 for weights that cannot be taken over, and if the cell then computes anything else than the library does. */
export async function libraryNumbers(
  file: SourceFile,
  from: SourceName,
  elaborated: Elaborated,
  kept: readonly Kept[],
  options: LayerOptions,
): Promise<LibraryNumbers> {
  const extents = extentsOf(elaborated);
  const cell = cellLayers(elaborated.graph, extents, sources[from].kind, options.scan);
  const { layers: units, used, said } = await read(file, from, options, cell);
  const numbers = taken(cell, units, kept);
  const error = differenceOf(cell, units, (name) => numbers.get(name)!, extents);
  // What rounding a file's f64 to f32 makes is no mistake.
  const single = units.map((layer) => layer.map(inSingle));
  requireEqual(cell, single, (name) => numbers.get(name)!, extents);
  // Numbers of a file may hide a mistake: biases of 0, gates that are all open. Random ones do not.
  const key = keyOf(1, "weights to compare with");
  let next = 0;
  const random = units.map((layer) => layer.map((unit) => withRandomNumbers(unit, () => normalAt(key, next++))));
  const others = taken(cell, random, kept);
  requireEqual(cell, random, (name) => others.get(name)!, extents);
  return { numbers, used, said: [...saidOf(from, cell, units), ...said], error };
}

function taken(
  cell: CellLayers,
  units: readonly (readonly Unit[])[],
  kept: readonly Kept[],
): ReadonlyMap<string, Float32Array> {
  const taken = new Taken(cell.places);
  takeOver(cell, units, taken);
  return taken.parameters((name) => elementsOf(kept.find((one) => one.name === name)!.shape));
}

/** What the file has, and what it does not say. */
function saidOf(
  from: SourceName,
  { kind, layers }: CellLayers,
  units: readonly (readonly Unit[])[],
): readonly string[] {
  const both = units.every((layer) => layer.length === 2) ? ", each in both directions" : "";
  const { library } = sources[from];
  const name = library === "keras" ? `Keras' ${KERAS_NAMES[kind]}` : from;
  const scans = layers.map((layer) => layer.map((one) => one.name || kindWords[kind]).join(" and ")).join(", then ");
  const first = layers[0][0].cell;
  const activation =
    first.kind === "rnn" && units[0][0].activation === undefined
      ? [`the file does not say tanh or relu; the cell has ${first.activation}`]
      : [];
  return [`${units.length} ${units.length === 1 ? "layer" : "layers"} of ${name}${both}: ${scans}`, ...activation];
}
