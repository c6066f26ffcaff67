/** The other half of the op table: ops that move, combine or select elements. One row per op, in one file per kind. */

import type { StructuralOp } from "../types.ts";
import { contraction } from "./contraction.ts";
import { marks } from "./marks.ts";
import { movement } from "./movement.ts";
import { numbers } from "./numbers.ts";
import { parts } from "./parts.ts";
import { reductions } from "./reductions.ts";
import type { Rows } from "./row.ts";
import { tables } from "./tables.ts";
import { time } from "./time.ts";
import { windows } from "./windows.ts";

export const structural: Rows<StructuralOp> = {
  ...numbers,
  ...marks,
  ...reductions,
  ...parts,
  ...contraction,
  ...movement,
  ...windows,
  ...time,
  ...tables,
};
