/** What a thread has compiled for its rows. Rows that differ in their seed alone share it. */
import type { Compilation } from "../../compiler/compile.ts";
import { compileFile } from "../toolchain.ts";

/** How many are kept: rows come by placement, and each has a model for whole batches and one for the last, smaller batch. */
const most = 4;

const kept = new Map<string, Compilation>();

/** As `compileFile`, for the rows of one exploration: they have one text and one task. */
export const compileOnce: typeof compileFile = async (request, context) => {
  // What is a function, such as where texts come from, is the same for all rows.
  const key = JSON.stringify(request);
  const known = kept.get(key);
  if (known !== undefined) return known;
  const compilation = await compileFile(request, context);
  const [oldest] = kept.keys();
  if (kept.size === most) kept.delete(oldest);
  kept.set(key, compilation);
  return compilation;
};
