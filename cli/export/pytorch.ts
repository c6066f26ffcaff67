/** Writes a trained model as a PyTorch module, with its weights and with numbers to check it by. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { documentation } from "../../compiler/documentation.ts";
import type { Graph } from "../../compiler/ir/types.ts";
import { moduleForm } from "../../compiler/module-form.ts";
import { encodeSafetensors } from "../../runtime/safetensors.ts";
import { type ModuleAbout, type PytorchModule, pytorchModule } from "../../targets/pytorch/module.ts";
import { NotInPytorch } from "../../targets/pytorch/refusal.ts";
import type { Context } from "../context.ts";
import { preparationIn } from "../data/preparation.ts";
import { preparationName } from "../executable-files.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { cannotWrite } from "../file-errors.ts";
import { bytesText } from "../output.ts";
import { packageVersion } from "../package.ts";
import { writeAtomically } from "../report/files.ts";
import type { ModelToExport } from "./formats.ts";
import { moduleName } from "./python-modules.ts";
import { checkTensors } from "./pytorch-check.ts";
import { DEFAULT_LIMIT, trainingFiles } from "./pytorch-training.ts";
import { elaboratedToExport } from "./state.ts";
import { stateDict } from "./state-dict.ts";

const WEIGHTS = "weights.safetensors";
const CHECK = "check.safetensors";

/** The folder gets a Python file named after the model, and what stands beside it. Throws C0312 for what PyTorch modules are not printed with. */
export async function exportPytorch(context: Context, model: ModelToExport): Promise<ExitCode> {
  const { output } = context;
  const { settings, task } = model;
  const { out, distributed = false } = settings;
  await checkEmpty(out);
  const { elaborated, host, options, plan, state } = await elaboratedToExport(context, model);
  const { graph, dims } = elaborated;
  const text = host.read(model.file) ?? "";
  const about: ModuleAbout = {
    about: documentation(model.file, host, options).entry.comment,
    source: text,
    dims,
    steps: task.steps,
    momentum: settings.momentum ?? DEFAULT_MOMENTUM,
    isCell: false,
    distributed,
    files: { weights: WEIGHTS, check: CHECK },
  };
  const printed = printedModule(graph, about);
  const name = moduleName(plan.name);
  const numbers = stateDict(printed, state);
  const weights = encodeSafetensors({
    tensors: numbers,
    metadata: {
      format: "pt",
      cellc: packageVersion(),
      model: plan.name,
      fingerprint: plan.fingerprint,
      dims: JSON.stringify(dims),
      step: String(state.counters.step),
    },
  });
  const check = encodeSafetensors({
    tensors: checkTensors(graph, { dims, steps: task.steps, weights: numbers, printed }),
    metadata: { format: "pt", cellc: packageVersion() },
  });
  const preparation = preparationIn(state, model.checkpoint);
  const files = new Map<string, string | Uint8Array<ArrayBuffer>>([
    [WEIGHTS, weights],
    [CHECK, check],
    ...(preparation === undefined ? [] : [[preparationName, `${JSON.stringify(preparation, null, 2)}\n`] as const]),
    // Last, so that a folder with a module has everything that it reads.
    [`${name}.py`, printed.text],
  ]);
  const training = distributed
    ? await trainingFiles(context, model, printed, {
        module: name,
        examples: settings.examples ?? true,
        limit: settings.examplesLimit ?? DEFAULT_LIMIT,
      })
    : [];
  for (const [file, data] of files) await writeAtomically(join(out, file), data);
  const { step } = state.counters;
  output.say(
    `${out}: ${plan.name} after ${step} steps, as the PyTorch module ${printed.className}: ${bytesText(weights.length)} of weights`,
  );
  output.say(`python3 ${join(out, `${name}.py`)} checks it against the reference`);
  if (distributed)
    output.say(`${join(out, "README.md")} says how to train it on several processes, and how to come back`);
  output.result({
    ok: true,
    folder: out,
    model: plan.name,
    step,
    class: printed.className,
    files: [...files.keys(), ...training],
  });
  return exit.ok;
}

/** The default of `cellc train --momentum`. */
export const DEFAULT_MOMENTUM = 0.1;

/** The module. Throws C0312 for what PyTorch modules are not printed with. */
export function printedModule(graph: Graph, about: ModuleAbout): PytorchModule {
  try {
    return pytorchModule(moduleForm(graph), about);
  } catch (error) {
    if (!(error instanceof NotInPytorch)) throw error;
    throw new Failure("C0312", exit.input, `${graph.name} cannot be written in PyTorch: ${error.message}`, error.help);
  }
}

/** Throws C0408 for a folder with something in it: a module is there to be changed, and changes would be lost. */
export async function checkEmpty(out: string): Promise<void> {
  const found = await readdir(out).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw cannotWrite(out, error);
  });
  if (found.length === 0) return;
  throw new Failure(
    "C0408",
    exit.usage,
    `${out} has ${found.slice(0, 3).join(", ")} in it, which may have been changed by hand since`,
    "choose another --out, or empty the folder",
  );
}
