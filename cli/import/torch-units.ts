/** The layers of `torch.nn.LSTM`, `GRU` and `RNN`, and of their cells, in a state_dict. */
import { exit, Failure } from "../failure.ts";
import { cannotTakeOver } from "./cannot-take-over.ts";
import { described, listed, type SourceFile, type SourceTensor } from "./source-tensor.ts";
import { gateOrder, type Kind, type Unit } from "./units.ts";

/** The layers of a module in a file, each in one or both directions. */
export interface SourceLayers {
  readonly layers: readonly (readonly Unit[])[];
  /** The tensors that they are made of. */
  readonly used: ReadonlySet<string>;
  /** What was assumed, a sentence each. */
  readonly said: readonly string[];
}

/** `weight_ih_l0_reverse`, and `weight_ih` of a cell. */
const NAME = /^(.*?)(weight_ih|weight_hh|weight_hr|bias_ih|bias_hh)(?:_l(\d+)(_reverse)?)?$/;

interface Named {
  readonly prefix: string;
  readonly what: string;
  readonly layer: number;
  readonly reverse: boolean;
  readonly tensor: SourceTensor;
}

/**
 * The layers of the module whose tensors begin with `prefix`; where that is left out, of the only one. Throws C0301 if there are several,
 * or none, and C0413 for what no cell has: projections of the state, or gates of another number than those of `kind`.
 */
export async function torchLayers(
  { path, tensors }: SourceFile,
  kind: Kind,
  prefix: string | undefined,
): Promise<SourceLayers> {
  const named = [...tensors.values()].flatMap((tensor): readonly Named[] => {
    const [, before = "", what, layer = "0", reverse] = NAME.exec(tensor.name) ?? [];
    return what === undefined
      ? []
      : [{ prefix: before, what, layer: Number(layer), reverse: reverse !== undefined, tensor }];
  });
  const prefixes = [...new Set(named.map((one) => one.prefix))];
  const of = prefix ?? prefixes[0] ?? "";
  if (prefix === undefined ? prefixes.length !== 1 : !prefixes.includes(of))
    throw new Failure(
      "C0301",
      exit.usage,
      prefixes.length === 0
        ? `${path} has no tensor weight_ih_l0, as torch.nn.${kind.toUpperCase()} has: it has ${listed(tensors.values())}`
        : prefix === undefined
          ? `${path} has ${prefixes.length} recurrent modules: ${prefixes.map((one) => `\`${one}\``).join(", ")}`
          : `${path} has no recurrent module \`${of}\`: there is ${prefixes.map((one) => `\`${one}\``).join(", ")}`,
      prefixes.length === 0
        ? "name the tensors of a bigger checkpoint by --key or --prefix"
        : `say which: --prefix ${prefixes[0] === "" ? '""' : prefixes[0]}`,
    );
  const own = named.filter((one) => one.prefix === of);
  const projected = own.find(({ what }) => what === "weight_hr");
  if (projected !== undefined)
    throw cannotTakeOver(
      `${path} projects its state (proj_size): ${described(projected.tensor)} stands between the cell and its output`,
      "no op of a cell of ours takes the projected state back; train without proj_size, or write such a cell and use --map",
    );
  const count = Math.max(...own.map(({ layer }) => layer)) + 1;
  const layers: (readonly Unit[])[] = [];
  for (let layer = 0; layer < count; layer++) {
    const units: Unit[] = [];
    for (const reverse of [false, true]) {
      const parts = own.filter((one) => one.layer === layer && one.reverse === reverse);
      if (parts.length > 0 || !reverse)
        units.push(await unitOf(path, kind, parts, `layer ${of}l${layer}${reverse ? "_reverse" : ""}`));
    }
    layers.push(units);
  }
  const said = prefix === undefined && of !== "" ? [`the module \`${of.replace(/\.$/, "")}\``] : [];
  return { layers, used: new Set(own.map(({ tensor }) => tensor.name)), said };
}

async function unitOf(path: string, kind: Kind, parts: readonly Named[], name: string): Promise<Unit> {
  const part = (what: string): SourceTensor | undefined => parts.find((one) => one.what === what)?.tensor;
  const [input, recurrent] = [part("weight_ih"), part("weight_hh")];
  if (input === undefined || recurrent === undefined)
    throw cannotTakeOver(`${path} lacks a matrix of ${name}: it has ${listed(parts.map(({ tensor }) => tensor))}`);
  const gates = gateOrder.torch[kind].length;
  const [rows, inputSize] = input.shape;
  const size = rows / gates;
  const shapes: readonly (readonly [SourceTensor | undefined, readonly number[]])[] = [
    [recurrent, [rows, size]],
    [part("bias_ih"), [rows]],
    [part("bias_hh"), [rows]],
  ];
  const wrong = shapes.find(([tensor, shape]) => tensor !== undefined && tensor.shape.join() !== shape.join());
  if (input.shape.length !== 2 || !Number.isInteger(size) || wrong !== undefined) {
    const [tensor, shape] = wrong ?? [input, [`${gates}H`, "D"]];
    throw cannotTakeOver(
      `${described(tensor!)} in ${path} is not [${shape.join(", ")}], which torch.nn.${kind.toUpperCase()} has beside ${described(input)}: it is another module`,
    );
  }
  const biases = [part("bias_ih"), part("bias_hh")].filter((bias) => bias !== undefined);
  if (biases.length === 1)
    throw cannotTakeOver(`${path} has one of the two biases of ${name}: ${described(biases[0])}`);
  return {
    ...{ name, library: "torch", kind, size, inputSize, resetAfter: true },
    reverse: parts[0].reverse,
    input: await input.numbers(),
    recurrent: await recurrent.numbers(),
    biases: await Promise.all(biases.map((bias) => bias.numbers())),
  };
}
