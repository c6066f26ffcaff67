/** What a graph takes from outside: the model's inputs, and what is known of the steps that each example has. */
import type { Graph, Leaf, OpOf, Type } from "../../compiler/ir/types.ts";
import type { OnnxTensor } from "./block.ts";
import { padded } from "./over-time.ts";
import { firstTwoExchanged, type Printer } from "./printer.ts";
import { type Element, type Extent, type ValueInfoProto, valueInfo } from "./proto.ts";
import { NotInOnnx } from "./refusal.ts";

type Given = Leaf & { readonly kind: "input" | "index" | "carry" };
type Mark = Leaf & { readonly kind: "lengths" };

/** The name of the main time axis, and of the axis of examples. */
const TIME = "time";
const BATCH = "batch";

/** The inputs of a model, in the order of the graph, and its time axes. */
export interface Inputs {
  readonly declared: readonly ValueInfoProto[];
  /** The steps of each time axis in this run, int64 [1], by its name. */
  readonly steps: ReadonlyMap<string, OnnxTensor>;
  /** The steps of each example, int64 [batch], by the name of the axis; empty if sequences are equally long. */
  readonly lengths: ReadonlyMap<string, OnnxTensor>;
  /** The number of the first step in this run, int64 []; undefined if it is always 0. */
  readonly first?: OnnxTensor;
}

const isGiven = (op: Graph["ops"][number]): op is OpOf<"leaf"> =>
  op.op === "leaf" && ["input", "index", "carry"].includes(op.attrs.leaf.kind);

const givenBy = (op: OpOf<"leaf">): Given => op.attrs.leaf as Given;

/** The name of a leaf or a result, as programs may have it: `state_h`. */
export const nameInModel = (name: string): string => name.replaceAll("/", "_");

const FIRST_STEP = "first_step";

/**
 * Declares the inputs of `graph`, with the examples first, then the steps, and says where each is. With `ragged`, each time axis has an
 * input of the lengths of its sequences. Throws `NotInOnnx` if no input says how many examples and steps there are.
 */
export function declareInputs(p: Printer, graph: Graph, ragged: boolean): void {
  const leaves = graph.ops.filter(isGiven);
  const declared: ValueInfoProto[] = [];
  const steps = new Map<string, OnnxTensor>();
  const lengths = new Map<string, OnnxTensor>();
  // Before there are other names.
  for (const op of leaves) p.root.names.reserve(nameInModel(givenBy(op).name));
  const inParts = leaves.some((op) => givenBy(op).kind === "carry");
  if (inParts) p.root.names.reserve(FIRST_STEP);
  const made = leaves.map((op) => {
    const { kind, ...rest } = givenBy(op);
    const name = nameInModel(rest.name);
    const { type } = op.attrs;
    const axis = ("axis" in rest ? rest.axis : undefined) ?? TIME;
    const element: Element = kind === "index" ? "int64" : "float";
    const shape: readonly Extent[] = [...(type.batch ? [BATCH] : []), ...(type.time ? [axis] : []), ...p.shape(type)];
    const tensor: OnnxTensor = { name, element, block: p.root };
    declared.push(valueInfo(name, element, shape, docOf(p, kind, type)));
    if (type.time && !steps.has(axis)) steps.set(axis, extentOf(p, tensor, Number(type.batch), `${axis}_steps`));
    return { op, axis, tensor };
  });
  const first = made.find(({ op }) => op.attrs.type.batch);
  if (first === undefined || steps.size === 0)
    throw new NotInOnnx(
      "none of its inputs has steps, or none has examples, and nothing else says how many there are",
      "give it an input over time",
    );
  if (ragged)
    for (const axis of steps.keys()) {
      const name = p.root.names.reserve(axis === TIME ? "lengths" : `lengths_${axis}`);
      declared.push(valueInfo(name, "int64", [BATCH], `how many steps each example has along ${axis}`));
      lengths.set(axis, { name, element: "int64", block: p.root });
    }
  const from = inParts ? ({ name: FIRST_STEP, element: "int64", block: p.root } as const) : undefined;
  if (from)
    declared.push(
      valueInfo(FIRST_STEP, "int64", [], "how many steps came before; at 0, sequences begin, and states are not read"),
    );
  const all = [...steps.values()];
  const time = all.length === 1 ? all[0] : p.node("Max", all, { hint: "steps" });
  p.extents = { time, batch: extentOf(p, first.tensor, 0, "examples") };
  for (const { op, axis, tensor } of made)
    p.place(op.results[0], stepsFirst(p, tensor, op.attrs.type, steps.get(axis)!));
  p.inputs = { declared, steps, lengths, ...(from && { first: from }) };
}

function docOf(p: Printer, kind: Given["kind"], { below }: Type): string | undefined {
  if (kind === "carry") return "as the run before gave it";
  return below && `below ${p.extent(below)}`;
}

/** The extent of an axis: int64 [1]. */
const extentOf = (p: Printer, x: OnnxTensor, axis: number, hint: string): OnnxTensor =>
  p.node("Shape", [x], { attributes: { start: { i: axis }, end: { i: axis + 1 } }, hint }, "int64");

/** An input [batch, time, …] as a value [time, batch, …], with the steps of the longest time axis. */
function stepsFirst(p: Printer, x: OnnxTensor, type: Type, own: OnnxTensor): OnnxTensor {
  if (!type.time) return x;
  const rank = p.declared(type).length;
  const turned = type.batch ? p.transposed(x, firstTwoExchanged(rank)) : x;
  const all = p.time;
  return all === own ? turned : padded(p, turned, rank, p.node("Sub", [all, own], { hint: "missing" }));
}

/** A leaf that is no input of the model. Those were placed when they were declared. */
export function leaf(p: Printer, op: OpOf<"leaf">): OnnxTensor {
  const { leaf: from } = op.attrs;
  switch (from.kind) {
    case "input":
    case "index":
    case "carry":
      return p.of(op.results[0]);
    case "step": {
      const number = p.cast(p.stepsSoFar(), "float");
      const { type } = op.attrs;
      return type.batch ? p.stretched(number, { ...type, batch: false }, type) : number;
    }
    case "lengths":
      return markOf(p, from);
    case "noise":
      throw new NotInOnnx(`it draws the noise ${from.name}`, "the mean of noise is taken at inference");
    case "param":
    case "population":
      throw new Error(`${from.name} is a constant of the model`);
    default:
      throw new NotInOnnx(`it reads ${from.name}, which only a program of ours has`, "export another entry");
  }
}

/** What `runtime/lengths.ts` computes of a mark. */
function markOf(p: Printer, { mark, axis = TIME }: Mark): OnnxTensor {
  const { int } = p.constants;
  const length = (): OnnxTensor => lengthsOf(p, axis);
  const compare = (op: "Less" | "Equal", a: OnnxTensor, b: OnnxTensor, hint: string): OnnxTensor =>
    p.node(op, [a, b], { hint }, "bool");
  // [time, 1] beside [batch]
  const step = (): OnnxTensor => p.unsqueezed(p.steps(), [1]);
  const valid = (): OnnxTensor => compare("Less", step(), length(), "valid");
  const counted = (): OnnxTensor =>
    p.node("ReduceSum", [p.cast(valid(), "float"), p.constants.ints([1])], {
      attributes: { keepdims: { i: 0 } },
      hint: "examples",
    });
  switch (mark) {
    case "valid":
      return valid();
    case "first":
      return p.node("And", [compare("Equal", step(), int(0), "first"), valid()], { hint: "first" });
    case "last":
      return compare("Equal", step(), p.node("Sub", [length(), int(1)]), "last");
    case "examples":
      return counted();
    case "some":
      return compare("Less", p.constants.float(0), counted(), "some");
    case "span":
      return p.cast(length(), "float");
    case "present":
      return [...p.inputs.steps.keys()]
        .map((each) => compare("Less", int(0), lengthsOf(p, each), "present"))
        .reduce((a, b) => p.node("Or", [a, b], { hint: "present" }));
    case "begins": {
      const { first } = p.inputs;
      if (first === undefined) throw new Error("sequences begin in each run");
      return p.node("Expand", [compare("Equal", first, int(0), "begins"), p.batch], { hint: "begins" });
    }
    case "enough":
    case "until":
    case "after":
      throw new NotInOnnx(
        `it asks which steps are marked ${mark}, as only training does`,
        "leave it out of what is inferred",
      );
    default:
      return mark satisfies never;
  }
}

/** How many steps each example has along an axis: int64 [batch]. */
export function lengthsOf(p: Printer, axis = TIME): OnnxTensor {
  const { steps, lengths } = p.inputs;
  const given = lengths.get(axis);
  if (given !== undefined) return given;
  const all = steps.get(axis);
  if (all === undefined) throw new NotInOnnx(`no input has steps along ${axis}`, "give it an input over that axis");
  return p.node("Expand", [all, p.batch], { hint: `lengths_${axis}` });
}
