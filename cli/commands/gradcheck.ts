/** `cellc gradcheck`: the derived gradients against finite differences, both in f64. */
import { gradcheck as compare } from "../../compiler/gradcheck.ts";
import type { Context } from "../context.ts";
import { type ExitCode, exit } from "../failure.ts";
import { readPlacements } from "../placements.ts";
import { fileHost, readSource } from "../source-host.ts";
import type { ModelOptions } from "../toolchain.ts";

export interface GradcheckOptions extends ModelOptions {
  readonly batch: number;
  readonly time: number;
}

/**
 * Largest relative error that passes. Central differences in f64 are good to about 1e-9 of the loss; behind a batch norm
 * whose variance is small the loss bends more, and 1e-5 leaves room for that.
 */
const TOLERANCE = 1e-5;

export async function gradcheck({ output, seed }: Context, file: string, options: GradcheckOptions): Promise<ExitCode> {
  readSource(file);
  const { entry, dims, batch, time, cell } = options;
  const place = readPlacements(options.place);
  const rows = compare(file, { entry, dims, batch, time, place, cells: cell }, fileHost, { seed });
  const wrong = rows.filter(({ error }) => !(error <= TOLERANCE));
  output.table(
    ["parameter", "numbers", "relative error", ""],
    rows.map((row) => [row.name, row.count, row.error.toExponential(1), wrong.includes(row) ? "wrong" : "ok"]),
  );
  output.result({ ok: wrong.length === 0, tolerance: TOLERANCE, parameters: rows });
  return wrong.length === 0 ? exit.ok : exit.input;
}
