/** The recurrent layers of a cell or model: which of its scans are an LSTM, a GRU or an RNN, and how they stand on each other. */
import * as dim from "../../compiler/ir/dim.ts";
import type { Bindings } from "../../compiler/ir/tensor.ts";
import type { Block, Graph, OpOf, Value } from "../../compiler/ir/types.ts";
import { hoist } from "../../compiler/passes/hoist.ts";
import { place } from "../../compiler/passes/place.ts";
import { captured, type Definitions, definedBy, definitions } from "../../compiler/passes/rewrite.ts";
import { simplify } from "../../compiler/passes/simplify.ts";
import { type GatedCell, recogniseCells } from "../../compiler/proofs/gated-cell.ts";
import type { Differs } from "../../compiler/proofs/recurrent-cell.ts";
import { exit, Failure } from "../failure.ts";
import { cannotTakeOver } from "./cannot-take-over.ts";
import { Places } from "./places.ts";
import type { Kind } from "./units.ts";

/** A scan of a model that is one of those. */
export interface CellLayer {
  /** As in the model's text: `rnn`; "" for a cell that stands alone. */
  readonly name: string;
  readonly cell: GatedCell;
  /** [T, B, H]: the next h of each step. */
  readonly output: Value;
  /** The dimensions that are D and H, where each is one alone. */
  readonly dims: { readonly input?: string; readonly size?: string };
}

/** The layers of a model. */
export interface CellLayers {
  /** For inference, without its measures. */
  readonly graph: Graph;
  readonly defs: Definitions;
  readonly places: Places;
  readonly kind: Kind;
  /** From the first to the last, each in one or both directions, forward first. */
  readonly layers: readonly (readonly CellLayer[])[];
}

/** A graph for inference, with every loop as it is written and without measures. What a loop outputs is kept, whoever reads it. */
function forInference(graph: Graph): Graph {
  const outputs = graph.results.filter(({ kind }) => kind === "output");
  const ofScans = graph.ops.flatMap((op) => (op.op === "scan" ? op.results.slice(op.attrs.states) : []));
  const results = [...outputs, ...ofScans.map((value, i) => ({ kind: "output", name: `scan/${i}`, value }) as const)];
  return simplify.run(place("infer").run(hoist.run({ ...graph, results })));
}

/**
 * The layers of `elaborated` of a kind, or of the only kind that it has; of those that are called `names`, if that is given. `extents`: of all dimensions, `batch`, `time`
 * and `steps` too. Throws C0413 if there are none, or if they are not layers on each other, and C0301 for a name that is none.
 */
export function cellLayers(
  elaborated: Graph,
  extents: Bindings,
  wanted: Kind | undefined,
  names: readonly string[] | undefined,
): CellLayers {
  const graph = forInference(elaborated);
  const defs = definitions(graph.ops);
  const places = new Places(defs, extents);
  const found = recogniseCells(graph, extents).map(({ scan, found }) => ({
    scan,
    found,
    name: nameOf(scan, places),
  }));
  const unknown = names?.find((name) => found.every((one) => one.name !== name));
  if (unknown !== undefined)
    throw new Failure(
      "C0301",
      exit.usage,
      `${graph.name} has no scan \`${unknown}\``,
      `it has ${found.map(({ name }) => `\`${name}\``).join(", ")}`,
    );
  // Scans of the same name have the same parameters: one of them says what these are.
  const asked = found.filter(
    ({ name }, at) =>
      (names === undefined || names.includes(name)) && found.findIndex((other) => other.name === name) === at,
  );
  const kind = wanted ?? kindOf(elaborated, asked);
  const layers = asked.flatMap(({ scan, found, name }): readonly CellLayer[] => {
    const refused = refusal(elaborated, { scan, found, name, kind }, defs);
    if (refused === undefined) return [layerOf(name, scan, found as GatedCell)];
    // A model may have other scans beside its layers; which are meant is then said by which fit.
    if (asked.length === 1 || names !== undefined) throw refused;
    return [];
  });
  if (layers.length === 0) throw noLayers(graph, kind, found);
  return { graph, defs, places, kind, layers: stacked(graph, layers, defs) };
}

/** The only kind that scans are of. */
function kindOf({ name }: Graph, scans: readonly { readonly found: GatedCell | Differs }[]): Kind {
  const kinds = [...new Set(scans.flatMap(({ found }) => ("differs" in found ? [] : [found.kind])))];
  if (kinds.length === 1) return kinds[0];
  // What is none is refused with where it differs.
  if (kinds.length === 0) return "lstm";
  throw new Failure(
    "C0301",
    exit.usage,
    `${name} has ${kinds.map((kind) => kindWords[kind]).join(" and ")}, and nothing says which is meant`,
    "say it: --from keras.layers.LSTM, keras.layers.GRU or keras.layers.SimpleRNN",
  );
}

function noLayers(
  graph: Graph,
  kind: Kind,
  found: readonly { readonly found: GatedCell | Differs; readonly name: string }[],
): Failure {
  const why = found.map(
    ({ name, found }) => `\`${name}\`: ${"differs" in found ? found.differs : kindWords[found.kind]}`,
  );
  const what = `${graph.name} has no scan that is ${kindWords[kind]}`;
  return cannotTakeOver(why.length === 0 ? what : `${what}: ${why.join("; ")}`);
}

export const kindWords = { lstm: "an LSTM", gru: "a GRU", rnn: "a plain RNN" } as const satisfies Readonly<
  Record<Kind, string>
>;

interface Candidate {
  readonly scan: OpOf<"scan">;
  readonly found: GatedCell | Differs;
  readonly name: string;
  readonly kind: Kind;
}

/** Why a scan is no layer of this kind; undefined if it is one. */
function refusal(elaborated: Graph, { scan, found, name, kind }: Candidate, defs: Definitions): Failure | undefined {
  const called = name === "" ? elaborated.name : `\`${name}\` of ${elaborated.name}`;
  const norm = normIn(elaborated, name);
  if (norm !== undefined)
    return cannotTakeOver(
      `${called} has a norm at \`${norm.replaceAll("/", ".")}\`, and ${kindWords[kind]} of another library has none`,
      `take it off: --place ${norm.replaceAll("/", ".")}=none`,
    );
  if ("differs" in found) return cannotTakeOver(`${called} is not ${kindWords[kind]}: ${found.differs}`);
  if (found.kind !== kind) return cannotTakeOver(`${called} is ${kindWords[found.kind]}, not ${kindWords[kind]}`);
  if (!found.outputs.includes("hidden")) return cannotTakeOver(`${called} does not output its state h`);
  const first = scan.operands.slice(0, scan.attrs.states).find((value) => !isZero(value, defs));
  if (first === undefined) return undefined;
  return cannotTakeOver(
    `${called} begins with another state than 0, as the libraries' layers do`,
    "write `state h : [H] = 0`",
  );
}

/** A norm at a site of a scan. */
function normIn({ ops, norms }: Graph, name: string): string | undefined {
  const within = (block: Pick<Block, "ops">): readonly string[] =>
    block.ops.flatMap((op) => [...(op.op === "site" ? [op.attrs.name] : []), ...(op.body ? within(op.body) : [])]);
  const sites = ops.flatMap((op) => (op.body ? within(op.body) : []));
  return sites.find((site) => norms.has(site) && prefixOf(site) === name);
}

/** `rnn` of `rnn/Wx`. */
const prefixOf = (name: string): string => name.slice(0, Math.max(0, name.lastIndexOf("/")));

/** The name of a scan, which is that of the parameters in its loop. */
function nameOf(scan: OpOf<"scan">, places: Places): string {
  const [first] = captured(scan.body!).flatMap((value) => [...places.parametersOf(value)]);
  return prefixOf(first ?? "");
}

function isZero(value: Value, defs: Definitions): boolean {
  const op = defs.get(value);
  if (op?.op === "broadcast") return isZero(op.operands[0], defs);
  return op?.op === "const" && op.attrs.value === 0;
}

function layerOf(name: string, { attrs, body, results }: OpOf<"scan">, cell: GatedCell): CellLayer {
  const output = results[attrs.states + cell.outputs.indexOf("hidden")];
  const [input, size] = [cell.input, body!.params[cell.hidden]].map((value) => nameAlone(value?.type.shape[0]));
  return { name, cell, output, dims: { input, size } };
}

/** Puts scans in the order in which they read each other. Throws C0413 for those that are no layers. */
function stacked(graph: Graph, scans: readonly CellLayer[], defs: Definitions): readonly (readonly CellLayer[])[] {
  const inputs = new Set(scans.map(({ cell }) => cell.input));
  const layers = [...inputs].map((input) =>
    scans
      .filter(({ cell }) => cell.input === input)
      .toSorted((a, b) => Number(a.cell.reverse) - Number(b.cell.reverse)),
  );
  for (const layer of layers) {
    const directions = layer.map(({ cell }) => cell.reverse);
    if (layer.length > 2 || new Set(directions).size < layer.length)
      throw cannotTakeOver(
        `${layer.map(({ name }) => `\`${name}\``).join(" and ")} of ${graph.name} read the same sequence in the same direction: no library's layer does`,
        "say which are meant: --scan NAME,…",
      );
  }
  /** The layer below, if this one reads what it gives and nothing else. */
  const below = (layer: readonly CellLayer[]): readonly CellLayer[] | undefined => {
    const input = withoutMasks(layer[0].cell.input, defs);
    const parts = input && (definedBy(defs, input, "concat")?.operands ?? [input]);
    return layers.find(
      (other) =>
        other.length === parts?.length && other.every(({ output }, i) => output === withoutMasks(parts[i], defs)),
    );
  };
  const bottoms = layers.filter((layer) => below(layer) === undefined);
  const first = bottoms[0];
  const ordered = [first];
  for (;;) {
    const next = layers.find((layer) => below(layer) === ordered.at(-1));
    if (next === undefined || ordered.includes(next)) break;
    ordered.push(next);
  }
  if (ordered.length < layers.length) {
    const words = layers.map((layer) => layer.map(({ name }) => `\`${name}\``).join(" with ")).join(", ");
    throw cannotTakeOver(
      `the scans ${words} of ${graph.name} are not layers on each other: each must read what the one below gives, both directions joined by concat(forward, backward)`,
      "take over one after another: --scan NAME, and --rest with the checkpoint so far",
    );
  }
  return ordered;
}

/** A sequence before dropout, which does nothing in inference. */
function withoutMasks(value: Value | undefined, defs: Definitions): Value | undefined {
  const op = value && defs.get(value);
  if (op?.op !== "mul") return value;
  const at = op.operands.findIndex((operand) => isMask(operand, defs));
  return at < 0 ? value : withoutMasks(op.operands[1 - at], defs);
}

/** A mask of dropout over its expectation. */
function isMask(value: Value, defs: Definitions): boolean {
  const op = defs.get(value);
  if (op?.op === "leaf") return op.attrs.leaf.kind === "noise" && op.attrs.leaf.distribution === "bernoulli";
  const isScale = op?.op === "mul" || op?.op === "div" || op?.op === "broadcast";
  return (
    isScale &&
    op.operands.every((x) => isMask(x, defs) || defs.get(x)?.op === "const") &&
    op.operands.some((x) => isMask(x, defs))
  );
}

/** The name of an extent that is one dimension. */
const nameAlone = (extent: dim.Dim | undefined): string | undefined => {
  if (extent === undefined) return undefined;
  const names = dim.names(extent);
  return names.length === 1 && dim.show(extent) === names[0] ? names[0] : undefined;
};
