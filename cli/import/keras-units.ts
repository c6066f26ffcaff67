/**
 * The recurrent layers of Keras in a file: `LSTM`, `GRU` and `SimpleRNN`, alone or in `Bidirectional`. Their tensors are found by the
 * paths that Keras gives them:
 *
 *     Keras 3   layers/lstm_1/cell/vars/0, …/1, …/2              layers/bidirectional/backward_layer/cell/vars/0
 *     Keras 2   model_weights/lstm_1/lstm_1/lstm_cell/kernel:0    bidirectional/bidirectional/backward_lstm/lstm_cell/bias:0
 *     NumPy     the arrays of model.get_weights(), in their order
 */
import { exit, Failure } from "../failure.ts";
import { cannotTakeOver } from "./cannot-take-over.ts";
import { checkConfig, describedLayers, inNumbers, KERAS_NAMES } from "./keras-config.ts";
import { described, listed, type SourceFile, type SourceTensor } from "./source-tensor.ts";
import type { SourceLayers } from "./torch-units.ts";
import { gateOrder, type Kind, type Unit } from "./units.ts";

/** The tensors of a layer in one direction, in the order kernel, recurrent kernel, bias. */
interface Group {
  readonly layer: string;
  readonly reverse: boolean | undefined;
  readonly parts: readonly SourceTensor[];
}

export interface KerasChoice {
  readonly kind: Kind;
  /** Only layers whose paths begin so. */
  readonly prefix?: string;
  /** The names of the layers, from the first to the last. */
  readonly layers?: readonly string[];
  /** How many directions each layer of the cell has, for files that do not say. */
  readonly directions: readonly number[];
}

/** Throws C0301 where the file does not say which layers are meant, and C0413 for layers that no cell computes. */
export async function kerasLayers(file: SourceFile, choice: KerasChoice): Promise<SourceLayers> {
  const { path, tensors } = file;
  const { kind, prefix = "" } = choice;
  const own = [...tensors.values()].filter(({ name }) => name.startsWith(prefix));
  const isArchive = file.format === "npz";
  const groups = isArchive ? inOrder(path, own, choice) : ofKind(byPath(own), kind);
  if (groups.length === 0)
    throw new Failure(
      "C0301",
      exit.usage,
      `${path} has no recurrent layer of Keras${prefix === "" ? "" : ` under \`${prefix}\``}: it has ${listed(tensors.values())}`,
      "files of model.save, model.save_weights and np.savez(path, *model.get_weights()) are read",
    );
  const names = [...new Set(groups.map(({ layer }) => layer))];
  const order = isArchive ? names : orderOf(file, names, choice);
  const { said, activations } = checkConfig(file, { wanted: order, all: names }, kind);
  const layers: (readonly Unit[])[] = [];
  for (const [at, name] of order.entries()) {
    const own = groups.filter(({ layer }) => layer === name);
    if (own.length > 2 || (own.length === 2 && own[0].reverse === own[1].reverse))
      throw cannotTakeOver(
        `${name} in ${path} is ${own.length} recurrent layers, and not one in one or both directions`,
        "say which are meant: --prefix",
      );
    const units = await Promise.all(
      own
        .toSorted((a, b) => Number(a.reverse) - Number(b.reverse))
        .map(async (group) => ({ ...(await unitOf(path, kind, group)), activation: activations[at] })),
    );
    layers.push(units);
  }
  return { layers, used: new Set(groups.flatMap(({ parts }) => parts.map((part) => part.name))), said };
}

/** The groups that have as many gates as a kind; all, if none has. */
function ofKind(groups: readonly Group[], kind: Kind): readonly Group[] {
  const gates = gateOrder.keras[kind].length;
  const own = groups.filter(({ parts: [, { shape }] }) => shape[1] === gates * shape[0]);
  return own.length > 0 ? own : groups;
}

/** The groups of a file whose tensors have paths. */
function byPath(tensors: readonly SourceTensor[]): readonly Group[] {
  const found = new Map<string, { readonly place: string; readonly parts: Map<number, SourceTensor> }>();
  for (const tensor of tensors) {
    const [, numbered, number] = /^(.*\/cell)\/vars\/(\d)$/.exec(tensor.name) ?? [];
    const [, named, part] = /^(.*)\/(kernel|recurrent_kernel|bias)(?::0)?$/.exec(tensor.name) ?? [];
    const place = numbered ?? named;
    // An optimiser keeps numbers under the same names.
    if (place === undefined || /^optimizer/.test(place)) continue;
    const group = found.get(place) ?? { place, parts: new Map() };
    found.set(place, group);
    group.parts.set(
      number === undefined ? ["kernel", "recurrent_kernel", "bias"].indexOf(part) : Number(number),
      tensor,
    );
  }
  const groups = [...found.values()].flatMap(({ place, parts }): readonly Group[] => {
    // A dense layer has no recurrent kernel.
    if (parts.get(1)?.shape.length !== 2) return [];
    const direction = /(?:^|\/)(forward|backward)_/.exec(place)?.[1];
    return [
      {
        layer: layerPath(place),
        reverse: direction === undefined ? false : direction === "backward",
        parts: [0, 1, 2].flatMap((at) => parts.get(at) ?? []),
      },
    ];
  });
  return shortest(groups);
}

/** `layers/lstm_1` of `layers/lstm_1/cell`; `bidirectional/bidirectional` of `bidirectional/bidirectional/backward_lstm/lstm_cell`. */
function layerPath(place: string): string {
  const parts = place.split("/");
  if (/^(?:cell|\w+_cell(?:_\d+)?)$/.test(parts.at(-1)!)) parts.pop();
  if (/^(?:forward|backward)_/.test(parts.at(-1) ?? "")) parts.pop();
  return parts.join("/");
}

/** The last parts of paths, if these are all different. */
function shortest(groups: readonly Group[]): readonly Group[] {
  const paths = new Set(groups.map(({ layer }) => layer));
  const last = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
  if (new Set([...paths].map(last)).size < paths.size) return groups;
  return groups.map((group) => ({ ...group, layer: last(group.layer) }));
}

/** The groups of arrays that `model.get_weights()` gives: kernel, recurrent kernel and bias of each layer and direction, one after another. */
function inOrder(path: string, tensors: readonly SourceTensor[], { directions, kind }: KerasChoice): readonly Group[] {
  const gates = gateOrder.keras[kind].length;
  const sorted = tensors.toSorted((a, b) => Number(/\d+$/.exec(a.name)?.[0]) - Number(/\d+$/.exec(b.name)?.[0]));
  const groups: (readonly SourceTensor[])[] = [];
  for (let at = 0; at + 1 < sorted.length; ) {
    const [kernel, recurrent, bias] = sorted.slice(at, at + 3);
    const size = recurrent.shape[0];
    const isLayer =
      kernel.shape.length === 2 &&
      recurrent.shape.join() === [size, gates * size].join() &&
      kernel.shape[1] === gates * size;
    if (!isLayer) {
      at++;
      continue;
    }
    const hasBias =
      bias !== undefined && bias.shape.at(-1) === gates * size && (bias.shape.length === 1 || bias.shape[0] === 2);
    groups.push(hasBias ? [kernel, recurrent, bias] : [kernel, recurrent]);
    at += hasBias ? 3 : 2;
  }
  const wanted = directions.reduce((sum, count) => sum + count, 0);
  if (groups.length !== wanted && groups.length > 0)
    throw cannotTakeOver(
      `${path} has the arrays of ${groups.length} recurrent layers, both directions counted, and the cell has ${wanted}`,
    );
  return directions.flatMap((count, layer) => {
    const before = directions.slice(0, layer).reduce((sum, other) => sum + other, 0);
    return groups.slice(before, before + count).map((parts, i) => ({
      ...{ layer: `layer ${layer + 1}`, parts },
      reverse: count === 2 ? i === 1 : undefined,
    }));
  });
}

/** The names of layers from the first to the last: as asked for, as the file says, or by the numbers that Keras gives. */
function orderOf(file: SourceFile, names: readonly string[], { kind, layers }: KerasChoice): readonly string[] {
  const { path, notes } = file;
  if (layers !== undefined) {
    const unknown = layers.find((name) => !names.includes(name));
    if (unknown === undefined) return layers;
    throw new Failure(
      "C0301",
      exit.usage,
      `${path} has no recurrent layer \`${unknown}\``,
      `it has ${names.join(", ")}`,
    );
  }
  if (names.length === 1) return names;
  const described = describedLayers(file, kind)?.map(({ name }) => name) ?? [];
  for (const told of [described, namesIn(path, notes.layers)])
    if (names.every((name) => told.includes(name))) return names.toSorted((a, b) => told.indexOf(a) - told.indexOf(b));
  const numbered = inNumbers(names);
  if (numbered !== undefined) return numbered;
  throw new Failure(
    "C0301",
    exit.usage,
    `${path} does not say in which order its layers ${names.join(", ")} stand`,
    `say it, from the first to the last: --layers ${names.join(",")}`,
  );
}

/** The names of layers that a file lists. */
function namesIn(path: string, list: string | undefined): readonly unknown[] {
  if (list === undefined) return [];
  try {
    const found: unknown = JSON.parse(list);
    return Array.isArray(found) ? found : [found];
  } catch {
    throw cannotTakeOver(`the names of the layers in ${path} are no list`);
  }
}

async function unitOf(path: string, kind: Kind, { layer, reverse, parts }: Group): Promise<Unit> {
  const [input, recurrent, bias] = parts;
  const gates = gateOrder.keras[kind].length;
  const size = recurrent.shape[0];
  const width = gates * size;
  const isDouble = bias?.shape.length === 2;
  const shapes: readonly (readonly [SourceTensor | undefined, readonly (number | string)[]])[] = [
    [recurrent, [size, width]],
    [input, [input.shape[0], width]],
    [bias, isDouble && kind === "gru" ? [2, width] : [width]],
  ];
  const wrong = shapes.find(([tensor, shape]) => tensor !== undefined && tensor.shape.join() !== shape.join());
  if (wrong !== undefined)
    throw cannotTakeOver(
      `${described(wrong[0]!)} in ${path} is not [${wrong[1].join(", ")}], which ${KERAS_NAMES[kind]} has beside ${described(recurrent)}: it is another layer`,
    );
  if (kind === "gru" && bias === undefined)
    throw cannotTakeOver(
      `${layer} in ${path} is a GRU without bias, and so does not say whether it resets after the product: reset_after`,
      "save it with use_bias=True and a bias of 0",
    );
  const numbers = await bias?.numbers();
  const biases = numbers === undefined ? [] : isDouble ? [numbers.slice(0, width), numbers.slice(width)] : [numbers];
  return {
    ...{ name: layer, library: "keras", kind, size, reverse, biases },
    inputSize: input.shape[0],
    resetAfter: kind === "gru" && isDouble,
    input: await input.numbers(),
    recurrent: await recurrent.numbers(),
  };
}
