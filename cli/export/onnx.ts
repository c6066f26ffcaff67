/** Writes a trained model as one file of ONNX, and says what its loops became. */
import { type Bindings, count, extents } from "../../compiler/ir/tensor.ts";
import type { Graph } from "../../compiler/ir/types.ts";
import { exportable, exportableIfShared, refusalOfParts } from "../../compiler/lower.ts";
import type { ExportedOptions } from "../../compiler/pipelines.ts";
import { placeName } from "../../compiler/semantics/site-names.ts";
import type { SessionState } from "../../runtime/state.ts";
import { type OnnxModel, OPSET, onnxModel } from "../../targets/onnx/model.ts";
import type { LoopReport } from "../../targets/onnx/printer.ts";
import { NotInOnnx } from "../../targets/onnx/refusal.ts";
import type { Context } from "../context.ts";
import { preparationIn } from "../data/preparation.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { bytesText } from "../output.ts";
import { packageVersion } from "../package.ts";
import { checkNoFolder, writeAtomically } from "../report/files.ts";
import { encodeOnnx } from "./encode-onnx.ts";
import type { ModelToExport } from "./formats.ts";
import { elaboratedToExport } from "./state.ts";

/** Throws C0312 for what ONNX cannot say. */
export async function exportOnnx(context: Context, model: ModelToExport): Promise<ExitCode> {
  const { output } = context;
  const { checkpoint, settings, task } = model;
  const { out, ragged = false, states: carry = false } = settings;
  await checkNoFolder(out);
  const { elaborated, plan, state } = await elaboratedToExport(context, model);
  const { graph } = elaborated;
  if (carry) refuseParts(plan.name, graph);
  const dims = { ...elaborated.dims, steps: task.steps };
  const preparation = preparationIn(state, checkpoint);
  const made = orRefused(plan.name, () =>
    onnxModel(exportable(graph, { dims: elaborated.dims, ragged, carry }), {
      ...{ dims, ragged, numbers: numbersOf(state), version: packageVersion() },
      metadata: {
        "cellc.model": plan.name,
        "cellc.fingerprint": plan.fingerprint,
        "cellc.dims": JSON.stringify(elaborated.dims),
        "cellc.step": String(state.counters.step),
        ...(preparation && { "cellc.preparation": JSON.stringify(preparation) }),
      },
    }),
  );
  const loops = explained(made, graph, { dims, ragged, carry, state });
  const bytes = encodeOnnx(made.model);
  await writeAtomically(out, bytes);
  const { step } = state.counters;
  output.say(`${out}: ${plan.name} after ${step} steps, operator set ${OPSET}: ${bytesText(bytes.length)}`);
  for (const loop of loops) output.say(loopText(loop));
  const { inputs, outputs } = made;
  output.result({
    ok: true,
    file: out,
    model: plan.name,
    step,
    opset: OPSET,
    inputs,
    outputs,
    loops,
    bytes: bytes.length,
  });
  return exit.ok;
}

const numbersOf = ({ tensors }: SessionState): ReadonlyMap<string, ArrayLike<number>> =>
  new Map([...tensors].map(([name, { data }]) => [name, data]));

function orRefused<T>(name: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof NotInOnnx)) throw error;
    throw new Failure("C0312", exit.input, `${name} cannot be written as ONNX: ${error.message}`, error.help);
  }
}

interface Loop extends LoopReport {
  /** The op that it would be if the norms in it had statistics that all steps share. */
  readonly ifShared?: LoopReport["op"];
}

interface Explained extends Required<ExportedOptions> {
  readonly dims: Bindings;
  readonly state: SessionState;
}

/** Throws C0310 if the outputs cannot be had of parts of a sequence. */
function refuseParts(name: string, graph: Graph): void {
  const found = refusalOfParts(graph);
  if (found === undefined) return;
  throw new Failure("C0310", exit.input, `sequences of ${name} cannot come in parts: ${found.refused}`, found.help);
}

/** The loops, with what those would be that norms with statistics of their own at each step keep from being an op. */
function explained({ loops }: OnnxModel, graph: Graph, { dims, ragged, carry, state }: Explained): readonly Loop[] {
  if (loops.every(({ op, perStep }) => op !== "Scan" || perStep.length === 0)) return loops;
  const shared = exportableIfShared(graph, { dims, ragged, carry });
  const numbers = firstRows(shared, numbersOf(state), dims);
  const others = onnxModel(shared, { dims, ragged, numbers, version: packageVersion() }).loops;
  return loops.map((loop, i) => {
    const other = others[i]?.op ?? "Scan";
    return loop.op === "Scan" && loop.perStep.length > 0 && other !== "Scan" ? { ...loop, ifShared: other } : loop;
  });
}

/** Any numbers of the right shapes will do: those of the first step. */
function firstRows(
  { ops }: Graph,
  numbers: ReadonlyMap<string, ArrayLike<number>>,
  dims: Bindings,
): ReadonlyMap<string, ArrayLike<number>> {
  const all = new Map(numbers);
  for (const op of ops) {
    if (op.op !== "leaf" || op.attrs.leaf.kind !== "population") continue;
    const { name } = op.attrs.leaf;
    all.set(name, Array.from(numbers.get(name)!).slice(0, count(extents(op.attrs.type, dims))));
  }
  return all;
}

const withArticle = (op: string): string => `${op === "GRU" || op === "Scan" ? "a" : "an"} ${op}`;

function loopText({ states, op, why, perStep, ifShared }: Loop): string {
  const of = `the loop of ${states.filter((name) => name !== "").join(" and ") || "no states"}`;
  if (op !== "Scan") return `${of} is ${withArticle(op)}`;
  const sites = perStep.map((site) => `\`${placeName(site)}\``).join(" and ");
  const norms = perStep.length === 1 ? `the norm at ${sites} keeps` : `the norms at ${sites} keep`;
  if (ifShared !== undefined)
    return `${of} is a Scan, because ${norms} statistics for each step; with \`stats = shared\` it would be ${withArticle(ifShared)}`;
  return `${of} is a Scan: ${why}`;
}
