/** What elementwise loops cost: dispatches of a whole sequence, and barriers, of which there are none. */
import { describe, expect, it } from "vitest";
import { eachStmt } from "../../compiler/kernel-ir/walk.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { wgsl } from "../../targets/wgsl/target.ts";
import { type Placed, planned } from "./cells.ts";

const minrnn = "cells/minrnn";

/** Dispatches of a sequence in training, forward and backward, and at inference. */
const cells: readonly (readonly [Placed, train: number, infer: number])[] = [
  [{ file: minrnn, entry: "mingru" }, 6, 3],
  [{ file: minrnn, entry: "minlstm" }, 6, 3],
  [{ file: "cells/sru" }, 6, 3],
  [{ file: "cells/indrnn" }, 6, 3],
  [{ file: "cells/lru" }, 12, 5],
];

/** Cells whose states are matrices: in inference, the loop reads them out step by step. */
const matrices: readonly (readonly [Placed, train: number])[] = [
  [{ file: "cells/s4d" }, 12],
  [{ file: "cells/retnet", entry: "retnet" }, 10],
  [{ file: "cells/retnet", entry: "gla" }, 16],
];

const title = ({ file, entry }: Placed): string => entry ?? file.slice("cells/".length);

describe.each([wgsl, wasm])("on $name", (target) => {
  const dispatches = (cell: Placed, entry: "train" | "infer"): number => {
    const { plan, kernels } = planned(cell, target, { entries: [entry] });
    const { commands } = plan.entries[entry]!;
    expect(
      commands.filter((c) => c.do !== "dispatch"),
      "all steps are in kernels",
    ).toEqual([]);
    const loops = kernels.filter(({ name }) => /_(forward|backward)_/.test(name));
    expect(loops).toHaveLength(entry === "train" ? 2 : 1);
    for (const { body } of loops)
      eachStmt(body, (s) => {
        expect(s.s).not.toBe("barrier");
      });
    return commands.length;
  };

  it.each(cells.map(([cell, train, infer]) => [title(cell), train, infer, cell] as const))(
    "%s trains in %d dispatches and infers in %d, without a barrier in the loop",
    (_, train, infer, cell) => {
      expect(dispatches(cell, "train")).toBe(train);
      expect(dispatches(cell, "infer")).toBe(infer);
    },
  );

  it.each(matrices.map(([cell, train]) => [title(cell), train, cell] as const))(
    "%s trains in %d dispatches, without a barrier in the loop",
    (_, train, cell) => {
      expect(dispatches(cell, "train")).toBe(train);
    },
  );
});
