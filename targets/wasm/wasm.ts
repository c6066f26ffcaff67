import { commentLines } from "../../compiler/kernel-ir/c-text.ts";
import type { Kernel } from "../../compiler/kernel-ir/types.ts";
import { KernelError, verifyKernel } from "../../compiler/kernel-ir/verify.ts";
import { eachStmt } from "../../compiler/kernel-ir/walk.ts";
import type { HostRegion } from "../../runtime/plan.ts";
import { createNamer } from "../shared/names.ts";
import { encodeModule } from "./encode.ts";
import { kernelFunction, tileStride } from "./function.ts";
import { fuse } from "./fuse.ts";
import { inline } from "./inline.ts";
import { mathFunctions, mathText, shortFunctions } from "./math.ts";
import { readWat, type Wat, watLines } from "./wat.ts";

/** The regions that kernels may use: the machine has no f16 storage, and so no `half`. */
export const regions: readonly HostRegion[] = ["param", "grad", "slot", "stat", "input", "work"];

/** A module as readable text and as bytes, with its short functions inlined; each is made when it is asked for. */
export interface WasmModule {
  readonly text: string;
  readonly binary: Uint8Array;
}

/** One module for all engines, and one for those that have relaxed SIMD (`fuse.ts`), which rounds as the machine does. */
export interface WasmModules {
  readonly plain: WasmModule;
  readonly relaxed: WasmModule;
}

/**
 * One module for all kernels, twice: both
 *
 * - imports `env.memory`, shared between threads, of 4 GiB at most;
 * - exports, as mutable i32 globals that the host sets after instantiation, `region_param`, `region_grad`, … : where each
 *   region starts, in bytes; and `tiles`: where this thread's scratch starts, `tile_bytes` (constant) long;
 * - exports each kernel under its name: (t, T, gx, gy, gz, from, to), see `kernelFunction`.
 *
 * Throws a `KernelError` if a kernel is not well formed, or its name is taken.
 */
export function emitWasm(kernels: readonly Kernel[]): WasmModules {
  const exported = new Set(["tiles", "tile_bytes", ...regions.map((region) => `region_${region}`)]);
  const namer = createNamer(new Set(), Object.keys(mathFunctions));
  const called = new Set<string>();

  const functions = kernels.map((kernel) => {
    verifyKernel(kernel);
    if (exported.has(kernel.name)) throw new KernelError(kernel, `the name \`${kernel.name}\` is taken in the module`);
    exported.add(kernel.name);
    for (const { region } of kernel.regions)
      if (!(regions as readonly string[]).includes(region)) throw new KernelError(kernel, `no region \`${region}\``);
    const wat = kernelFunction(kernel, {
      name: namer.fresh(kernel.name),
      calls: (name) => called.add(name),
    });
    return { fields: [...commentLines(kernel.doc).map((comment) => ({ comment })), wat], size: statementsOf(kernel) };
  });
  // Functions of similar length are often similar, and compress beside each other.
  functions.sort((a, b) => a.size - b.size);

  const tileBytes = kernels.map(({ tiles }) => tiles.reduce((sum, tile) => sum + tileStride(tile.size), 0));
  const global = (name: string): Wat => [
    "global",
    `$${name}`,
    ["export", JSON.stringify(name)],
    ["mut", "i32"],
    ["i32.const", "0"],
  ];
  const parts: readonly (readonly Wat[])[] = [
    [
      ["import", '"env"', '"memory"', ["memory", "1", "65536", "shared"]],
      { comment: "Where each region starts, in bytes: set by the host." },
      ...regions.map((name) => global(`region_${name}`)),
      { comment: "Workgroup memory of this thread." },
      global("tiles"),
      ["global", ["export", '"tile_bytes"'], "i32", ["i32.const", String(Math.max(0, ...tileBytes))]],
    ],
    ...functions.map(({ fields }) => fields),
    ...mathText(called).map(readWat),
  ];
  return { plain: moduleOf(() => parts), relaxed: moduleOf(() => parts.map((part) => part.map(fuse))) };
}

function statementsOf({ body }: Kernel): number {
  let count = 0;
  eachStmt(body, () => count++);
  return count;
}

/** @param parts fields, with an empty line between parts */
function moduleOf(parts: () => readonly (readonly Wat[])[]): WasmModule {
  let binary: Uint8Array | undefined;
  return {
    get text() {
      const body = parts().map((part) => part.flatMap((wat) => watLines(wat, 2)).join("\n"));
      return `(module\n${body.join("\n\n")}\n)\n`;
    },
    get binary() {
      binary ??= encodeModule(inline(parts().flat(), shortFunctions));
      return binary;
    },
  };
}
