import { describe, expect, it } from "vitest";
import { wasm } from "../../targets/wasm/target.ts";
import { wgsl } from "../../targets/wgsl/target.ts";
import { cells, type Placed, planned } from "./cells.ts";

/** The text of a stage of `cell`'s compilation. */
function textOf(stage: string, cell: Placed, target: typeof wasm): string {
  let text = "";
  planned(cell, target, {
    observe: (name, print) => {
      if (name === stage) text = print();
    },
  });
  return text;
}

/** Updated on purpose, with `vitest -u`, and read in review. */
describe.each([wasm, wgsl])("for $name", (target) => {
  it("the schedule of bnlstm is as kept", async () => {
    const text = textOf("schedule", cells.bnlstm, target);
    await expect(text).toMatchFileSnapshot(`../golden/schedule/bnlstm.${target.name}.txt`);
  });

  it.each(["partition", "buffers"])("the %s of rnn is as kept", async (stage) => {
    const text = textOf(stage, cells.rnn, target);
    await expect(text).toMatchFileSnapshot(`../golden/schedule/rnn.${target.name}.${stage}.txt`);
  });
});
