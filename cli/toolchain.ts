/** Where the compiler, the targets and the runtime meet: from a file and options to an executable and a backend to run it. */

import { existsSync } from "node:fs";
import { type Compilation, compile } from "../compiler/compile.ts";
import { printGraph } from "../compiler/ir/text.ts";
import { lower } from "../compiler/lower.ts";
import type { OptimizerChoice } from "../compiler/optimizers.ts";
import type { LoopChoice } from "../compiler/partition/loop-strategy.ts";
import type { Storage } from "../compiler/pipelines.ts";
import {
  type DeclarationInfo,
  declarations,
  type ElaborateOptions,
  elaborate,
} from "../compiler/semantics/elaborate.ts";
import type { SourceHost } from "../compiler/source-host.ts";
import type { Backend } from "../runtime/backend.ts";
import { breathe } from "../runtime/fit/breathe.ts";
import type { EntryName } from "../runtime/plan.ts";
import { fileHost } from "./api/file-host.ts";
import type { Context } from "./context.ts";
import { sayDiagnostics } from "./diagnostics.ts";
import { openDump } from "./dump.ts";
import { readSource } from "./read-source.ts";
import { type TargetName, targets } from "./targets.ts";
import { anyTuned, cellKey, choiceText, deviceName, recall, tunedPath } from "./tuned.ts";

/** The options that decide what is compiled, as the command line gives them. */
export interface ModelOptions {
  readonly entry?: string;
  readonly dims: Readonly<Record<string, number>>;
  readonly place?: string;
  readonly cell: Readonly<Record<string, string>>;
  /** Who owns the loops over time steps. Default: the cheapest owner. */
  readonly schedule?: LoopChoice;
  /** Without a `schedule`, use the one that `cellc tune` measured on this device, if any. */
  readonly tuned?: boolean;
  /** The most parts that kernels split the batch into. */
  readonly parts?: number;
  /** Storage type of residuals. Default: f32. */
  readonly storage?: Storage;
  /** Whether the sequences of a batch may differ in length. */
  readonly ragged?: boolean;
  /** Whether sequences go on from batch to batch. */
  readonly carry?: boolean;
}

/** The entries that training and evaluation need. The others are for streams. */
export const trainingEntries: readonly EntryName[] = ["train", "estimate", "infer", "update"];

/** Those of a model that is only measured. `train` would take several times their memory. */
export const measuringEntries: readonly EntryName[] = trainingEntries.filter((entry) => entry !== "train");

export interface CompileRequest extends ModelOptions {
  readonly file: string;
  /** Where texts come from. Default: the disk. */
  readonly host?: SourceHost;
  readonly target: TargetName;
  readonly batch: number;
  /** Length of the longest training sequence: how many steps have statistics of their own. */
  readonly time?: number;
  readonly optimizer?: OptimizerChoice;
  /** Limit on all memory for `time` steps, in bytes. */
  readonly memory?: number;
  /** Called after each stage of the compilation: the passes by name, then `schedule`. The text is made on demand. */
  readonly observe?: (stage: string, text: () => string) => void;
  /** Dimensions that a task suggests. Those that the model does not have are ignored. */
  readonly suggested?: Readonly<Record<string, number>>;
  /** The most threads to use. Measured schedules are stored by device and threads. */
  readonly threads?: number;
  /** Also compute the loss's gradient with respect to each state at each step, as in `CompileOptions`. */
  readonly stateGradients?: boolean;
  /** Entries to compile. Default: all. */
  readonly entries?: readonly EntryName[];
  /** Print no warnings: an earlier compilation of the same text has printed them. */
  readonly quiet?: boolean;
}

/** The graph after `elaborate` and after each pass, by name and in order, without a target. A pass that runs twice shows its last result. */
export function lowerFile(request: ModelOptions & { readonly file: string }): ReadonlyMap<string, () => string> {
  readSource(request.file);
  const stages = new Map<string, () => string>();
  const { graph } = elaborate(request.file, fileHost, elaborateOptions(request));
  stages.set("elaborate", () => printGraph(graph));
  lower(graph, {
    ragged: request.ragged,
    carry: request.carry,
    observe: (stage, text) => void stages.set(stage, text),
  });
  return stages;
}

/**
 * Compiles, and prints warnings. Throws C0401 for a missing file and `CompileError` for errors in the text. With CELLC_DUMP it
 * writes the stages, even if the compilation fails.
 */
export async function compileFile(
  request: CompileRequest,
  { environment, output }: Pick<Context, "environment" | "output">,
): Promise<Compilation> {
  const { file, host = fileHost, batch, time, optimizer, memory, schedule: loops, parts, storage } = request;
  const { stateGradients, entries, ragged, carry } = request;
  readSource(file);
  // A compilation takes up to some seconds, and a command may make several.
  await breathe();
  const target = await targets[request.target].load();
  const dims = chosenDims(request);
  const dump = environment.CELLC_DUMP ? openDump(environment.CELLC_DUMP, file, request.target) : undefined;
  const observe = (stage: string, text: () => string) => {
    request.observe?.(stage, text);
    dump?.observe(stage, text);
  };
  let compilation: Compilation | undefined;
  try {
    const chosen = {
      ...elaborateOptions({ ...request, dims }),
      batch,
      time,
      optimizer,
      memory,
      parts,
      storage,
      ragged,
      carry,
      stateGradients,
      entries,
    };
    const tuned =
      loops === undefined && request.tuned
        ? await tunedLoops(() => compile(file, chosen, target, host), request, environment)
        : undefined;
    if (tuned && !request.quiet)
      output.warn(`loops over the steps, as measured on ${tuned.device}: ${choiceText(tuned.loops)}`);
    compilation = compile(file, { ...chosen, loops: loops ?? tuned?.loops, observe }, target, host);
  } finally {
    await dump?.write(compilation?.executable);
  }
  if (!request.quiet) sayDiagnostics(compilation.warnings, output);
  return compilation;
}

/** The dimensions asked for, and those suggested that the entry has. Throws `CompileError` for errors in the text. */
export function chosenDims({
  file,
  host = fileHost,
  entry,
  suggested = {},
  dims,
}: Pick<CompileRequest, "file" | "host" | "entry" | "suggested" | "dims">): Readonly<Record<string, number>> {
  const declared = entryOf(declarations(file, host), entry)?.params ?? [];
  const known = Object.entries(suggested).filter(([name]) => declared.includes(name));
  return { ...Object.fromEntries(known), ...dims };
}

/** The best owners of the loops, as measured on this device; undefined if nothing was measured. */
async function tunedLoops(
  compiled: () => Compilation,
  { target, threads }: Pick<CompileRequest, "target" | "threads">,
  environment: Context["environment"],
): Promise<{ readonly device: string; readonly loops: LoopChoice } | undefined> {
  if (!existsSync(tunedPath(environment))) return undefined;
  const cell = cellKey(compiled().executable.plan);
  if (!(await anyTuned(environment, cell))) return undefined;
  const device = await deviceName(target, threads);
  const loops = device === undefined ? undefined : await recall(environment, device, cell);
  return device === undefined || loops === undefined ? undefined : { device, loops };
}

/** The command line's options as the compiler takes them. */
export function elaborateOptions({ entry, dims, place, cell }: ModelOptions): ElaborateOptions {
  return { entry, dims, place, cells: cell };
}

/** Opens the backend that runs a target's code. Close it, or Node may not exit. Errors: C0503, C0504. */
export const openBackend = (target: TargetName, threads?: number): Promise<Backend> =>
  targets[target].open({ threads });

/** The declaration to compile: the one named, or else the last model, or else the last cell. */
export function entryOf(declared: readonly DeclarationInfo[], name: string | undefined): DeclarationInfo | undefined {
  const open = declared.filter(({ kind }) => kind === "model" || kind === "cell");
  if (name !== undefined) return open.find((declaration) => declaration.name === name);
  return open.findLast(({ kind }) => kind === "model") ?? open.at(-1);
}
