/** `cellc gradcheck`: the derived gradients against finite differences, both in f64. */
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import type { Context } from "../context.ts";
import { type ExitCode, exit } from "../failure.ts";
import { checkGradients } from "../gradients.ts";
import { fileHost, readSource } from "../source-host.ts";
import { elaborateOptions, type ModelOptions } from "../toolchain.ts";

export interface GradcheckOptions extends ModelOptions {
  readonly batch: number;
  readonly time: number;
}

/**
 * Largest relative error that passes. Central differences in f64 are good to some 1e-10 of the loss; behind a batch norm
 * whose variance is small the loss bends more, and 1e-5 leaves room for that.
 */
const TOLERANCE = 1e-5;

/** What a dimension is at most when it is not given: differences take two runs a number, and declared sizes would take hours. */
const SMALL = 4;

export async function gradcheck({ output, seed }: Context, file: string, options: GradcheckOptions): Promise<ExitCode> {
  readSource(file);
  const { dims, batch, time } = options;
  const chosen = elaborateOptions(options);
  const declared = elaborate(file, fileHost, chosen).dims;
  const small = Object.fromEntries(
    Object.entries(declared).map(([name, size]) => [name, dims[name] ?? Math.min(size, SMALL)]),
  );
  const rows = checkGradients(file, { ...chosen, dims: small, batch, time, seed }, fileHost);
  const wrong = rows.filter(({ error }) => !(error <= TOLERANCE));
  output.table(
    ["parameter", "numbers", "relative error", ""],
    rows.map((row) => [row.name, row.count, row.error.toExponential(1), wrong.includes(row) ? "wrong" : "ok"]),
  );
  output.result({ ok: wrong.length === 0, tolerance: TOLERANCE, parameters: rows });
  return wrong.length === 0 ? exit.ok : exit.internal;
}
