/**
 * The whole pipeline, from a file's text to an executable:
 *
 *     text ─► elaborate ─► Tensor IR ─► passes ─► partition ─► buffers ─► codegen ─► Kernel IR ─► target
 *
 * One elaborated graph is compiled to train, to estimate statistics, to infer, to begin a stream and to run a step of it; and an
 * optimiser's own graph to update. `pipelines.ts` has the passes of each, `schedule.ts` what comes after them.
 */
import type { Alone, Entry, Executable, KernelInfo, Plan, Tensor } from "../runtime/plan.ts";
import { sealed } from "../runtime/seal.ts";
import { bestParts } from "./batch-parts.ts";
import { checkGroups } from "./checks/groups.ts";
import { checkStorage } from "./checks/storage.ts";
import type { Diagnostic } from "./diagnostics/diagnostic.ts";
import { refusal, takeOptions } from "./diagnostics/option-table.ts";
import { defaultSteps, type EntryOptions, scheduleEntries } from "./entries.ts";
import { hasStepLimit } from "./ir/steps.ts";
import { printGraph } from "./ir/text.ts";
import type { Graph } from "./ir/types.ts";
import { workOf } from "./kernel-ir/work.ts";
import { identityOf } from "./model-identity.ts";
import { readOptimizer, recordedOptions } from "./optimizers.ts";
import { type CompileOptions, compileTable } from "./options.ts";
import { degenerateStatistics } from "./proofs/degenerate-statistics.ts";
import { withMeanAxes } from "./proofs/mean-axes.ts";
import { type Moment, moments } from "./proofs/moments.ts";
import { batchOfOne, prove } from "./proofs/prove.ts";
import { type Elaborated, elaborate } from "./semantics/elaborate.ts";
import type { SiteInfo } from "./semantics/sites.ts";
import type { SourceHost } from "./source-host.ts";
import type { Target } from "./target.ts";
import { bindingsOf } from "./texture-bindings.ts";

/** The result of a compilation. */
export interface Compilation extends Pick<Elaborated, "sites" | "parameters"> {
  /** The population statistics that are means, variances or deviations. */
  readonly moments: readonly Moment[];
  readonly executable: Executable;
  readonly warnings: readonly Diagnostic[];
}

/**
 * Compiles a cell or model of the file at `path` for `target`.
 * Throws `CompileError` with every error of the file in source order, or for an invalid option (C0309).
 */
export function compile(path: string, options: CompileOptions, target: Target, host: SourceHost): Compilation {
  takeOptions("compile", compileTable, options);
  // Callers without types may have left them out.
  if ((target as Target | undefined) === undefined)
    throw refusal("a target is missing", "pass `wasm` of cellc/targets/wasm, or `wgsl` of cellc/targets/wgsl");
  if ((host as SourceHost | undefined) === undefined)
    throw refusal("a host is missing, which says where texts come from", "pass `fileHost` of cellc/compiler");
  const elaborated = elaborate(path, host, options);
  const { graph, dims, sites, parameters } = elaborated;
  options.observe?.("elaborate", () => printGraph(graph));
  // Warnings after errors: an error about a size comes from the stage that needs it.
  const executable = compileGraph(graph, { ...options, dims, path, sites: [...sites, ...parameters] }, target);
  const { batch, entries } = options;
  const trains = batch === 1 && (entries?.some((entry) => entry === "train" || entry === "estimate") ?? true);
  const warnings = [...elaborated.warnings, ...prove(elaborated), ...(trains ? batchOfOne(elaborated) : [])];
  return { executable, warnings, sites, parameters, moments: moments(graph) };
}

export interface GraphOptions extends EntryOptions {
  /** Its sites and parameters, in the words of the text. */
  readonly sites?: readonly SiteInfo[];
}

/**
 * Everything after elaboration: from a graph to an executable. Throws `CompileError`: C0217 for invalid extents, C0309 for an
 * unknown optimiser.
 */
export function compileGraph(elaborated: Graph, options: GraphOptions, target: Target): Executable {
  checkStorage(options.storage, target);
  const graph = withMeanAxes(elaborated);
  const { batch = 64 } = options;
  const optimizer = readOptimizer(options.optimizer);
  const recorded = recordedOptions(optimizer);
  const trains = options.entries?.some((entry) => entry === "train" || entry === "estimate") ?? true;
  if (trains) checkGroups(elaborated, batch);
  const parts = options.parts ?? bestParts(graph, options, target);
  const { scheduled, shared } = scheduleEntries(graph, { ...options, parts }, target);
  const kernels = [...scheduled.values()].flatMap((s) => s.kernels.map((k) => k.kernel));
  const bindings = new Map(
    [...scheduled.values()].flatMap(({ kernels, textures }) =>
      textures === undefined ? [] : kernels.map(({ kernel }) => [kernel, bindingsOf(kernel, textures)]),
    ),
  );
  const alone = batch === 1 ? degenerateStatistics(elaborated, options.dims) : new Map<string, Alone>();
  const entries = Object.fromEntries(
    [...scheduled].map(([name, { tensors, commands, regions, textures }]): [string, Entry] => [
      name,
      {
        ...{ tensors: tensors.map((tensor) => markedDegenerate(tensor, alone)), commands, regions },
        ...(textures && { textures: textures.map(({ texture }) => texture) }),
      },
    ]),
  );
  const plan: Plan = {
    format: 4,
    name: graph.name,
    target: target.name,
    dims: { ...options.dims, batch },
    ...(hasStepLimit(elaborated) && { mostSteps: options.time ?? defaultSteps }),
    ...identityOf(elaborated, options.dims, shared.tensors, options.sites),
    slots: shared.slots,
    optimizer: optimizer.name,
    ...(Object.keys(recorded).length > 0 && { optimizerOptions: recorded }),
    ...(kernels.some((k) => k.subgroups) && { features: ["subgroups"] }),
    entries,
    kernels: kernels.map((kernel): KernelInfo => {
      const { name, lanes, regions } = kernel;
      const bound = bindings.get(kernel);
      return { name, work: workOf(kernel), lanes, ...(bound ? { regions: [], ...bound } : { regions }) };
    }),
  };
  return { plan, code: sealed(plan, target.assemble(kernels)) };
}

function markedDegenerate(tensor: Tensor, statistics: ReadonlyMap<string, Alone>): Tensor {
  const { role } = tensor;
  const alone = role.kind === "batch_stat" ? statistics.get(role.of) : undefined;
  return role.kind === "batch_stat" && alone ? { ...tensor, role: { ...role, alone } } : tensor;
}
