/** A graph for inference as an ONNX model: operator set 17, IR version 8. */
import type { Bindings } from "../../compiler/ir/tensor.ts";
import type { Graph, Result } from "../../compiler/ir/types.ts";
import { Block, neededNodes } from "./block.ts";
import { fixedValues } from "./fixed.ts";
import { declareInputs, nameInModel } from "./leaves.ts";
import { firstTwoExchanged, type LoopReport, Printer } from "./printer.ts";
import { type Extent, type ModelProto, type ValueInfoProto, valueInfo } from "./proto.ts";
import { NotInOnnx } from "./refusal.ts";
import { printOps } from "./spellings.ts";

export const OPSET = 17;
const IR_VERSION = 8;

/** The most bytes of a message: protobuf counts them in an int32. Shapes and names take little of it. */
export const MOST_BYTES = 2 ** 31 - 1;

export interface OnnxOptions {
  /** A number for every dimension but `batch` and `time`; `steps` says how many steps have statistics of their own. */
  readonly dims: Bindings;
  /** The numbers of parameters, constants and statistics by name, these [steps, …] if they are kept per step. */
  readonly numbers: ReadonlyMap<string, ArrayLike<number>>;
  /** Whether the graph is one for sequences of different lengths, which are then an input. */
  readonly ragged?: boolean;
  /** Whether loops become LSTM, GRU and RNN where they can. Default: true; without, all are Scans. */
  readonly recognise?: boolean;
  readonly version: string;
  /** What else the file tells about the model. */
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface OnnxModel {
  readonly model: ModelProto;
  /** What each loop became, in the order of the graph. */
  readonly loops: readonly LoopReport[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Of its constants. */
  readonly bytes: number;
}

const LAYOUT =
  "Inputs and outputs have the examples first, then the steps: [batch, time, …]. Both numbers are those of each run.";

/**
 * The model that has the outputs of `graph`, which is placed for inference and folded. Throws `NotInOnnx` for what ONNX cannot say, and for
 * more than 2 GiB of numbers.
 */
export function onnxModel(graph: Graph, options: OnnxOptions): OnnxModel {
  const { dims, numbers, ragged = false, recognise = true, version, metadata = {} } = options;
  refuseLarge(4 * numbersIn(graph, numbers));
  const root = new Block();
  const p = new Printer(root, graph, { dims, fixed: fixedValues(graph, { dims, numbers }), recognise });
  // Programs use these names, and no others.
  const outputs = graph.results.flatMap((result) => {
    if (result.kind === "output") return [result];
    // A state is called otherwise when it comes in.
    return result.kind === "carry" ? [{ ...result, name: `next_${nameInModel(result.name)}` }] : [];
  });
  for (const { name } of outputs) root.names.reserve(name);
  declareInputs(p, graph, ragged);
  printOps(p, graph.ops);
  const declared = outputs.map((result) => output(p, result));
  const { nodes, read } = neededNodes(
    root.nodes,
    outputs.map(({ name }) => name),
  );
  const initializer = p.constants.tensors.filter(({ name }) => read.has(name));
  const bytes = initializer.reduce((sum, { rawData }) => sum + rawData.length, 0);
  refuseLarge(bytes);
  return {
    loops: p.loops,
    inputs: p.inputs.declared.map(({ name }) => name),
    outputs: outputs.map(({ name }) => name),
    bytes,
    model: {
      irVersion: IR_VERSION,
      producerName: "cellc",
      producerVersion: version,
      docString: LAYOUT,
      opsetImport: [{ domain: "", version: OPSET }],
      metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
      graph: { name: graph.name, node: nodes, initializer, input: p.inputs.declared, output: declared },
    },
  };
}

function refuseLarge(bytes: number): void {
  if (bytes <= MOST_BYTES) return;
  throw new NotInOnnx(
    `its numbers take ${bytes} bytes, and a file of ONNX has at most ${MOST_BYTES}`,
    "choose smaller dimensions",
  );
}

/** How many numbers the parameters and statistics have that a graph reads: about as many as its constants. */
function numbersIn({ ops }: Graph, numbers: OnnxOptions["numbers"]): number {
  const names = new Set(ops.flatMap((op) => (op.op === "leaf" ? [op.attrs.leaf.name] : [])));
  return [...names].reduce((sum, name) => sum + (numbers.get(name)?.length ?? 0), 0);
}

/** Names a result, with the examples first and the steps of its own axis. */
function output(p: Printer, { name, value, axis = "time" }: Result): ValueInfoProto {
  const { type } = value;
  const { steps } = p.inputs;
  const from = p.plain(value);
  const own = steps.get(axis);
  const cut = type.time && steps.size > 1 && own ? p.sliced(from, { axis: 0, from: 0, to: own }) : from;
  const rank = p.declared(type).length;
  const examplesFirst = { perm: { ints: firstTwoExchanged(rank) } };
  if (type.time && type.batch)
    p.root.add("Transpose", [cut], [cut.element], { attributes: examplesFirst, names: [name] });
  else p.root.add("Identity", [cut], [cut.element], { names: [name] });
  const shape: readonly Extent[] = [...(type.batch ? ["batch"] : []), ...(type.time ? [axis] : []), ...p.shape(type)];
  return valueInfo(name, cut.element, shape);
}
