/** The example cells with norms at their sites, as tests of passes and schedules use them. */

import { fileHost } from "../../cli/api/file-host.ts";
import { compile } from "../../compiler/compile.ts";
import type { Kernel } from "../../compiler/kernel-ir/types.ts";
import type { CompileOptions } from "../../compiler/options.ts";
import { type Elaborated, elaborate } from "../../compiler/semantics/elaborate.ts";
import { parsePlacements } from "../../compiler/semantics/placements.ts";
import type { Target } from "../../compiler/target.ts";
import type { Plan } from "../../runtime/plan.ts";

export interface Placed {
  /** A file of `examples`, without its ending. */
  readonly file: string;
  /** The cell or model, where the file has several. */
  readonly entry?: string;
  /** As `--place` says it: `hh=batch,cc=none`. */
  readonly place?: string;
}

/** The example cells as they stand. */
export const cells = {
  rnn: { file: "cells/rnn" },
  lstm: { file: "cells/lstm" },
  lnlstm: { file: "cells/lnlstm" },
  bnlstm: { file: "cells/bnlstm" },
  gru_before: { file: "cells/gru", entry: "gru_before" },
  gru_after: { file: "cells/gru", entry: "gru_after" },
} as const satisfies Readonly<Record<string, Placed>>;

const pathOf = ({ file }: Placed): string => `examples/${file}.cell`;

const options = ({ entry, place }: Placed): Pick<CompileOptions, "entry" | "place"> => ({
  ...(entry !== undefined && { entry }),
  ...(place !== undefined && { place: parsePlacements(place) }),
});

export const elaborated = (cell: Placed): Elaborated => elaborate(pathOf(cell), fileHost, options(cell));

export interface Planned {
  readonly plan: Plan;
  readonly kernels: readonly Kernel[];
}

/** The plan and the kernels of `cell` for a target, whose code is not assembled unless asked for. */
export function planned(
  cell: Placed,
  { name, machine }: Pick<Target, "name" | "machine">,
  more: Omit<CompileOptions, "entry" | "place"> = {},
): Planned {
  const kernels: Kernel[] = [];
  const target: Target = {
    name,
    machine,
    assemble: (all) => {
      kernels.push(...all);
      return { kind: "wgsl", modules: {} };
    },
  };
  const { executable } = compile(pathOf(cell), { ...options(cell), ...more }, target, fileHost);
  return { plan: executable.plan, kernels };
}
