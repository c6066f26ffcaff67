import { describe, expect, it } from "vitest";
import { printKernel } from "../../compiler/kernel-ir/print.ts";
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
