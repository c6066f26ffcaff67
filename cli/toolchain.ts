/** Where the compiler, the targets and the runtime meet: from a file and options to an executable and a machine to run it on. */
import { type Compilation, compile, type Target } from "../compiler/compile.ts";
import type { DimParam, File, ModelDecl } from "../compiler/syntax/ast.ts";
import { parse } from "../compiler/syntax/parse.ts";
import type { Backend } from "../runtime/backend.ts";
import { sayDiagnostics } from "./diagnostics.ts";
import type { Output } from "./output.ts";
import { readPlacements } from "./placements.ts";
import { fileHost, readSource } from "./source-host.ts";

export type TargetName = "wasm" | "wgsl";
export type OptimizerName = "adam" | "rmsprop" | "momentum" | "sgd";

/** The options that decide what is compiled, as the command line gives them. */
export interface ModelOptions {
  readonly entry?: string;
  readonly dims: Readonly<Record<string, number>>;
  readonly place: readonly (readonly [string, string])[];
  readonly cell: Readonly<Record<string, string>>;
}

export interface CompileRequest extends ModelOptions {
  readonly file: string;
  readonly target: TargetName;
  readonly batch: number;
  /** Longest training sequence: how many steps have statistics of their own. */
  readonly time?: number;
  readonly optimizer?: OptimizerName;
  /** Told each stage of the compilation as it is done: the passes by name, then `schedule`. The text is made when asked for. */
  readonly observe?: (stage: string, text: () => string) => void;
  /** Dimensions that a task suggests; those that the model does not have are left out. */
  readonly suggested?: Readonly<Record<string, number>>;
}

/** Compiles, and says warnings where there is an output for them. Throws C0401 for a missing file and CompileError for errors in the text. */
export async function compileFile(request: CompileRequest, output?: Output): Promise<Compilation> {
  const text = readSource(request.file);
  const declared = declaredDims(parse(text, request.file).file, request.entry);
  const suggested = Object.entries(request.suggested ?? {}).filter(([name]) => declared.has(name));
  const compilation = compile(
    request.file,
    {
      entry: request.entry,
      dims: { ...Object.fromEntries(suggested), ...request.dims },
      batch: request.batch,
      time: request.time,
      place: readPlacements(request.place),
      cells: request.cell,
      optimizer: request.optimizer,
      observe: request.observe,
    },
    await openTarget(request.target),
    fileHost,
  );
  if (output !== undefined) sayDiagnostics(compilation.warnings, output);
  return compilation;
}

async function openTarget(name: TargetName): Promise<Target> {
  switch (name) {
    case "wasm":
      return (await import("../targets/wasm/target.ts")).wasm;
    case "wgsl":
      return (await import("../targets/wgsl/target.ts")).wgsl;
    default:
      return name satisfies never;
  }
}

/** Opens the machine that runs a target's code; close it, or Node may not end. Errors: C0503, C0504. */
export async function openBackend(target: TargetName): Promise<Backend> {
  switch (target) {
    case "wasm":
      return (await import("../runtime/wasm/wasm.ts")).wasmBackend();
    case "wgsl":
      return (await import("../runtime/webgpu/webgpu.ts")).webgpuBackend();
    default:
      return target satisfies never;
  }
}

/** Names of the dimensions of the entry, or of all models and cells where the entry is not in this file. */
function declaredDims(file: File, entry: string | undefined): ReadonlySet<string> {
  const open = file.declarations.filter((declaration) => declaration.kind === "model" || declaration.kind === "cell");
  const chosen = open.filter(({ name }) => name.text === entry);
  const params = (chosen.length > 0 ? chosen : open).flatMap(
    ({ params }): readonly ModelDecl["params"][number][] => params,
  );
  return new Set(params.filter((param): param is DimParam => param.kind === "dim").map(({ name }) => name.text));
}
