import { describe, expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { compileGraph } from "../../compiler/compile.ts";
import { printKernel } from "../../compiler/kernel-ir/print.ts";
import type { Kernel } from "../../compiler/kernel-ir/types.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import type { Target } from "../../compiler/target.ts";
import { emitGlsl } from "../../targets/glsl/glsl.ts";
import { glsl } from "../../targets/glsl/target.ts";
import { emitWasm } from "../../targets/wasm/wasm.ts";
import { emitWgsl } from "../../targets/wgsl/wgsl.ts";
import { samples } from "./samples.ts";

/** Updated on purpose, with `vitest -u`, and read in review. */
const golden = (file: string): string => `../golden/targets/${file}`;

describe.each(["matmul", "row_sums", "step"])("the text of %s", (name) => {
  const kernel = samples
    .map((sample) => sample.kernel)
    .find((k) => k.name === name) as (typeof samples)[number]["kernel"];

  it("is as kept in Kernel IR", async () => {
    await expect(printKernel(kernel)).toMatchFileSnapshot(golden(`${name}.kernel`));
  });
  it("is as kept in WGSL", async () => {
    await expect(emitWgsl(kernel)).toMatchFileSnapshot(golden(`${name}.wgsl`));
  });
  it("is as kept in WebAssembly", async () => {
    await expect(emitWasm([kernel]).plain.text).toMatchFileSnapshot(golden(`${name}.wat`));
  });
});

/** A step of a batch-normalized LSTM: statistics of the batch; the cell and its gates. */
describe.each(["train_forward_hh_v", "train_forward_c_next", "train_backward_mul"])("the text of %s", (name) => {
  it("is as kept in GLSL", async () => {
    const { graph, dims } = elaborate("examples/cells/bnlstm.cell", fileHost, { dims: { D: 3, H: 8 } });
    const kernels: Kernel[] = [];
    const target: Target = {
      ...glsl,
      assemble(all) {
        kernels.push(...all);
        return glsl.assemble(all);
      },
    };
    compileGraph(graph, { dims, path: "bnlstm.cell", batch: 4, time: 5, entries: ["train"] }, target);
    const kernel = kernels.find((k) => k.name === name)!;
    await expect(printKernel(kernel)).toMatchFileSnapshot(golden(`${name}.kernel`));
    await expect(emitGlsl(kernel)).toMatchFileSnapshot(golden(`${name}.frag`));
  });
});
