import { expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { compile } from "../../compiler/compile.ts";
import { printKernel } from "../../compiler/kernel-ir/print.ts";
import type { Kernel } from "../../compiler/kernel-ir/types.ts";
import { places } from "./backends.ts";

/** Updated on purpose, with `vitest -u`, and read in review. */
const golden = (file: string): string => `../golden/kernels/${file}`;

const cases = ["bnlstm", "lnlstm"].flatMap((cell) => [places.wasm, places.wgsl].map((place) => ({ cell, ...place })));

it.each(cases)("the kernels of a training step of $cell on $name are as kept", async ({ cell, target }) => {
  const made: Kernel[] = [];
  const keeping = {
    ...target,
    assemble(kernels: readonly Kernel[]) {
      made.push(...kernels);
      return target.assemble(kernels);
    },
  };
  const loops = { forward: "column", backward: "column" } as const;
  compile(`examples/cells/${cell}.cell`, { dims: { D: 3, H: 8 }, batch: 16, time: 4, loops }, keeping, fileHost);
  const text = made
    .filter((kernel) => /^train_(forward|backward)_/.test(kernel.name))
    .map(printKernel)
    .join("\n");
  await expect(text).toMatchFileSnapshot(golden(`${cell}.${target.name}.kernel`));
});
