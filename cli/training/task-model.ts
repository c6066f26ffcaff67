/**
 * Wraps a cell without a model in one, so that a task can train it: a scan over the task's sequence, a linear readout of the cell's
 * first output, and the loss that fits the task's target `y`. The model is ordinary source text, which is appended to the file's own
 * text and which only the compiler sees:
 *
 *     model lstm_on_digits(D = 28, H = 100) {
 *       param readout : [H, 10] = orthogonal
 *       …
 */

import type { Diagnostic } from "../../compiler/diagnostics/diagnostic.ts";
import * as dim from "../../compiler/ir/dim.ts";
import type { Graph, OpOf } from "../../compiler/ir/types.ts";
import { declarations, type Elaborated, type ElaborateOptions, elaborate } from "../../compiler/semantics/elaborate.ts";
import type { SourceHost } from "../../compiler/source-host.ts";
import { fileHost } from "../api/file-host.ts";
import { WEIGHT } from "../data/roles.ts";
import type { TaskForm, TaskInput } from "../data/task.ts";
import { overTime } from "../data/time-axes.ts";
import { exit, Failure } from "../failure.ts";
import { readSource } from "../read-source.ts";
import { chosenDims, elaborateOptions, entryOf, type ModelOptions } from "../toolchain.ts";

/** What to compile instead of the cell. */
export interface TaskModel {
  /** Reads the file with the model appended. */
  readonly host: SourceHost;
  readonly entry: string;
  /** Warnings about the cell itself. */
  readonly warnings: readonly Diagnostic[];
}

/**
 * The model around the cell that `request` names, for `task`; undefined if it names a model. Throws `CompileError` for errors in
 * the text, and C0406 for a cell whose first output is not a vector.
 */
export function modelAround(
  request: Pick<ModelOptions, "entry" | "dims"> & { readonly file: string },
  task: TaskForm,
): TaskModel | undefined {
  const { file } = request;
  const own = readSource(file);
  const cell = entryOf(declarations(file, fileHost), request.entry);
  if (cell?.kind !== "cell") return undefined;
  const known = chosenDims({ ...request, suggested: task.dims });
  const { graph, dims, numbers, warnings } = elaborate(file, fileHost, { entry: cell.name, dims: known });
  const entry = `${cell.name}_on_${task.name.replace(/[^\p{L}\p{N}_]+/gu, "_")}`;
  const text = `${own}\n${modelText({ cell: cell.name, entry, dims, numbers, graph, task })}`;
  const host: SourceHost = { ...fileHost, read: (path) => (path === file ? text : fileHost.read(path)) };
  return { host, entry, warnings };
}

export interface ElaboratedModel {
  readonly elaborated: Elaborated;
  readonly host: SourceHost;
  /** Options with which `elaborate` produces the same result again. */
  readonly options: ElaborateOptions;
  /** Warnings about the model, or about the cell itself. */
  readonly warnings: readonly Diagnostic[];
}

/** Elaborates the model of a file for a task, with the task's dimensions. Throws as `modelAround` does. */
export function elaborateModel(request: ModelOptions & { readonly file: string }, task: TaskForm): ElaboratedModel {
  const { file } = request;
  const around = modelAround(request, task);
  const { host, entry } = { host: fileHost, entry: request.entry, ...around };
  const dims = chosenDims({ file, host, entry, suggested: task.dims, dims: request.dims });
  const options = elaborateOptions({ ...request, entry, dims });
  const elaborated = elaborate(file, host, options);
  return { elaborated, host, options, warnings: around?.warnings ?? elaborated.warnings };
}

interface Wanted {
  readonly cell: string;
  readonly entry: string;
  readonly dims: Readonly<Record<string, number>>;
  /** Those of the cell's parameters that are no dimensions. */
  readonly numbers: Readonly<Record<string, number>>;
  readonly graph: Graph;
  readonly task: TaskForm;
}

function modelText(wanted: Wanted): string {
  const { cell, entry, dims, numbers, graph, task } = wanted;
  const output = outputOf(graph);
  const inputs = inputsOf(graph);
  const { y } = task.inputs;
  const classes = y.kind === "index";
  const size = classes ? y.size : y.shape[0];
  const names = Object.keys(dims);
  const given = [
    ...names.map((name) => `${name} = ${name}`),
    ...Object.entries(numbers).map(([n, x]) => `${n} = ${x}`),
  ];
  const weight = weightOf(wanted);
  const measure = classes ? "cross_entropy(prediction, y)" : "mse(prediction, y)";
  // The other outputs, which nothing reads.
  const others = graph.results.filter(({ kind }) => kind === "output").slice(1);
  return `model ${entry}(${names.map((name) => `${name} = ${dims[name]}`).join(", ")}) {
  param readout : [${dim.show(output[0])}, ${size}] = orthogonal
  param shift   : [${size}] = 0
${inputs.map(({ name, type }) => `  input ${name} : ${type} over time`).join("\n")}
  target y : ${classes ? `index(${size})` : `[${size}]`}${overTime(y)}
${weight ? `  target weight : [1]${overTime(weight)}\n` : ""}
  ${["hs", ...others.map((_, at) => `_${at}`)].join(", ")} = scan ${cell}(${given.join(", ")}) over ${inputs.map(({ name }) => name).join(", ")}
  prediction = ${y.time ? "hs" : "last(hs)"} @ readout + shift
  output prediction
  loss ${weight ? weighed(measure, y, weight) : measure}${classes ? "\n  metric accuracy = correct(prediction, y)" : ""}
}
`;
}

/** The task's weights, unless the cell has an input of that name. */
function weightOf({ task, graph }: Wanted): TaskInput | undefined {
  const { weight } = task.inputs;
  const isOne = weight?.kind === "value" && weight.shape.length === 1 && weight.shape[0] === 1;
  return isOne && inputsOf(graph).every(({ name }) => name !== WEIGHT) ? weight : undefined;
}

/** The mean of a measure of y by the task's weights. That of a sequence is that of each of its steps. */
function weighed(measure: string, y: TaskInput, weight: TaskInput): string {
  const axes = y.time ? "(batch, time, feature)" : "(batch, feature)";
  const each = y.time && !weight.time ? "(weight + 0 * step())" : "weight";
  return `sum(${each} * ${measure}, over ${axes}) / sum(${each}, over ${axes})`;
}

/** The inputs of the cell's scan, in the cell's order. */
function inputsOf(graph: Graph): readonly { readonly name: string; readonly type: string }[] {
  const scan = graph.ops.find((op): op is OpOf<"scan"> => op.op === "scan")!;
  const leaves = graph.ops.filter((op): op is OpOf<"leaf"> => op.op === "leaf");
  return scan.operands.slice(scan.attrs.states).flatMap((operand) => {
    const { leaf, type } = leaves.find(({ results }) => results[0] === operand)!.attrs;
    if (leaf.kind === "input") return [{ name: leaf.name, type: `[${type.shape.map(dim.show).join(", ")}]` }];
    return leaf.kind === "index" ? [{ name: leaf.name, type: `index(${leaf.size})` }] : [];
  });
}

/** The shape of the cell's first output. */
function outputOf(graph: Graph): readonly dim.Dim[] {
  const { name, value } = graph.results.find(({ kind }) => kind === "output")!;
  const { shape, dtype } = value.type;
  if (shape.length === 1 && dtype === "f32") return shape;
  throw new Failure(
    "C0406",
    exit.input,
    `${graph.name} stands alone, and its first output, ${name}, is no vector that a readout could be made of`,
    "write a model around it, as examples/smnist.cell does",
  );
}
