import { describe, expect, it } from "vitest";
import { wasm } from "../../targets/wasm/target.ts";
import { wgsl } from "../../targets/wgsl/target.ts";
import { cells, planned } from "./cells.ts";

/** Updated on purpose, with `vitest -u`, and read in review. */
describe.each([wasm, wgsl])("the schedule of bnlstm for $name", (target) => {
  it("is as kept", async () => {
    let text = "";
    planned(cells.bnlstm, target, {
      observe: (stage, print) => {
        if (stage === "schedule") text = print();
      },
    });
    await expect(text).toMatchFileSnapshot(`../golden/schedule/bnlstm.${target.name}.txt`);
  });
});
