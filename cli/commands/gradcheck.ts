/** `cellc gradcheck`: compares the gradients of any target with finite differences in f64. */

import { elaborate } from "../../compiler/semantics/elaborate.ts";
import { fileHost } from "../api/file-host.ts";
import type { Context } from "../context.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { checkGradients, type GradientCheck, type GradientOptions } from "../gradient-check.ts";
import { readSource } from "../read-source.ts";
import { type TargetName, targets } from "../targets.ts";
import { compileFile, elaborateOptions, type ModelOptions, openBackend, trainingEntries } from "../toolchain.ts";

export interface GradcheckOptions extends ModelOptions {
  readonly target: "reference" | TargetName;
  readonly threads?: number;
  readonly batch: number;
  readonly time: number;
}

/**
 * Largest accepted error of the reference, relative to a parameter's largest gradient. The differences themselves, in f64, are
 * accurate to about 1e-7 after a batch norm with a small variance.
 */
const REFERENCE_TOLERANCE = 1e-6;

const toleranceOf = (target: GradcheckOptions["target"]): number =>
  target === "reference" ? REFERENCE_TOLERANCE : targets[target].tolerance.gradient;

/** Tolerance with `--storage f16`, whose rounding unit is 2^-11: a few units, because errors add up over the steps. */
const HALF_TOLERANCE = 4e-3;

/** Largest size of a dimension that is not given. Differences take two runs per number, and declared sizes would take hours. */
const SMALL = 4;

export async function gradcheck(context: Context, file: string, options: GradcheckOptions): Promise<ExitCode> {
  const { output, seed } = context;
  readSource(file);
  const chosen = elaborateOptions(options);
  const declared = elaborate(file, fileHost, chosen).dims;
  const dims = Object.fromEntries(
    Object.entries(declared).map(([name, size]) => [name, options.dims[name] ?? Math.min(size, SMALL)]),
  );
  const { target, batch, time, storage, ragged } = options;
  if (target === "reference" && storage === "f16")
    throw new Failure(
      "C0307",
      exit.input,
      "the reference stores f64 only",
      "choose a target that stores f16: --target wgsl",
    );
  const rows = await checkOn(
    context,
    target,
    file,
    { ...options, dims },
    { ...chosen, dims, batch, time, seed, ragged },
  );
  const tolerance = storage === "f16" ? HALF_TOLERANCE : toleranceOf(target);
  const wrong = rows.filter(({ error }) => !(error <= tolerance));
  // NaN is the worst error, and Math.max propagates it.
  const worst = Math.max(...rows.map(({ error }) => error));
  output.table(
    ["parameter", "numbers", "relative error", ""],
    rows.map((row) => [row.name, row.count, row.error.toExponential(1), wrong.includes(row) ? "wrong" : "ok"]),
  );
  const verdict = wrong.length === 0 ? "all within" : `${wrong.length} of ${rows.length} beyond`;
  output.say(`\n${target}: ${verdict} ${tolerance.toExponential()}, worst ${worst.toExponential(1)}`);
  output.result({ ok: wrong.length === 0, target, dims: { ...dims, batch, time }, tolerance, worst, parameters: rows });
  return wrong.length === 0 ? exit.ok : exit.internal;
}

async function checkOn(
  context: Context,
  target: GradcheckOptions["target"],
  file: string,
  model: GradcheckOptions,
  options: GradientOptions,
): Promise<readonly GradientCheck[]> {
  if (target === "reference") return checkGradients(file, options, fileHost);
  const { executable } = await compileFile({ ...model, target, file, entries: trainingEntries }, context);
  const backend = await openBackend(target, model.threads);
  try {
    return await checkGradients(file, options, fileHost, { executable, backend });
  } finally {
    backend.close();
  }
}
