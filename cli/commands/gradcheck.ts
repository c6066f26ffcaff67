/** `cellc gradcheck`: compares the gradients of any target with finite differences in f64. */

import { fileHost } from "../api/file-host.ts";
import type { Context } from "../context.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { checkGradients, type GradientCheck, type GradientOptions } from "../gradient-check.ts";
import { readSource } from "../read-source.ts";
import { smallDims } from "../small-dims.ts";
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

/** The rounding unit of f16. */
const HALF_UNIT = 2 ** -11;

export async function gradcheck(context: Context, file: string, options: GradcheckOptions): Promise<ExitCode> {
  const { output, seed } = context;
  readSource(file);
  const chosen = elaborateOptions(options);
  // Differences take two runs per number, and declared sizes would take hours.
  const { dims, madeUp } = smallDims(file, fileHost, chosen);
  const { target, batch, time, storage, ragged } = options;
  if (target === "reference" && storage === "f16")
    throw new Failure(
      "C0307",
      exit.input,
      "the reference stores f64 only",
      "choose a target that stores f16: --target wgsl",
    );
  const half = storage === "f16";
  const tolerance = half ? HALF_TOLERANCE : toleranceOf(target);
  const rows = await checkOn(
    context,
    target,
    file,
    { ...options, dims },
    { ...chosen, dims, batch, time, seed, ragged, tolerance, ...(half && { unit: HALF_UNIT }) },
  );
  const said = (verdict: GradientCheck["verdict"]) => rows.filter((row) => row.verdict === verdict);
  const [wrong, zero, rounding] = [said("wrong"), said("zero"), said("rounding")];
  const compared = rows.filter((row) => row.verdict !== "zero");
  // NaN is the worst error, and Math.max propagates it.
  const worst = Math.max(0, ...compared.map(({ error }) => error));
  if (madeUp.length > 0)
    output.say(`sizes of dimensions without a default: ${madeUp.map((d) => `${d} = ${dims[d]}`).join(", ")}\n`);
  output.table(
    ["parameter", "numbers", "relative error", "by rounding alone", ""],
    rows.map((row) => [row.name, row.count, figure(row.error), figure(explained(row)), words[row.verdict]]),
  );
  const verdict = wrong.length === 0 ? "all within" : `${wrong.length} of ${compared.length} beyond`;
  output.say(`\n${target}: ${verdict} ${tolerance.toExponential()}, worst ${figure(worst)}`);
  if (rounding.length > 0)
    output.say(`${names(rounding)}: rounding alone takes the f64 reference as far, which is no fault`);
  if (zero.length > 0)
    output.say(`${names(zero)}: proven to be zero (W0604), so only rounding errors could be compared`);
  output.result({
    ok: wrong.length === 0,
    target,
    dims: { ...dims, batch, time },
    madeUp,
    tolerance,
    worst,
    parameters: rows,
  });
  return wrong.length === 0 ? exit.ok : exit.internal;
}

const words = { ok: "ok", zero: "zero", rounding: "ok, rounding", wrong: "wrong" } as const;

const figure = (n: number): string => n.toExponential(1);

/** How much of an error is no fault of the compiler: the rounding of numbers, or that of the differences. */
const explained = ({ rounding, differences = 0 }: GradientCheck): number => Math.max(rounding, differences);

const names = (rows: readonly GradientCheck[]): string => rows.map(({ name }) => name).join(", ");

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
