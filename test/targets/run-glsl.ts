/** Runs kernels of texels alone, on WebGL2. */
import type { SharedTexture } from "../../compiler/buffers/textures.ts";
import type { Kernel } from "../../compiler/kernel-ir/types.ts";
import { bindingsOf } from "../../compiler/texture-bindings.ts";
import type { Plan, Region, RegionName, Tensor } from "../../runtime/plan.ts";
import { sealed } from "../../runtime/seal.ts";
import { glsl } from "../../targets/glsl/target.ts";
import { webgl2InChromium } from "./webgl2.ts";

/**
 * What each kernel stores to the texture of its own name, of `size` floats, where `input` is the region `input`. All run in one entry.
 */
export async function runTexels(
  kernels: readonly Kernel[],
  size: number,
  input: Float32Array,
): Promise<readonly Float32Array[]> {
  const region = (floats: number): Region => ({ fixed: 16 * Math.ceil(floats / 16), frame: 0 });
  const pitch = 16 * Math.ceil(size / 16);
  const textures = kernels.map(
    ({ name }, i): SharedTexture => ({
      holds: [name],
      texture: { name, size, host: [{ offset: i * pitch, size }] },
    }),
  );
  const empty = Object.fromEntries(
    (["param", "grad", "slot", "stat", "half"] as const).map((name) => [name, region(0)]),
  ) as Record<Exclude<RegionName, "input" | "work">, Region>;
  const tensor = (name: string, kind: "input" | "output", offset: number, length: number): Tensor => ({
    ...{ name, role: { kind }, region: kind === "input" ? "input" : "work", offset, time: false, batch: false },
    shape: [length],
  });
  const one = { fixed: 1, perStep: 0 };
  const plan: Plan = {
    ...{ format: 4, name: "probe", target: "glsl", dims: { batch: 1 }, fingerprint: "", measures: {}, equations: {} },
    ...{ slots: [], optimizer: "sgd" },
    entries: {
      infer: {
        tensors: [
          tensor("input", "input", 0, input.length),
          ...kernels.map(({ name }, i) => tensor(name, "output", i * pitch, size)),
        ],
        commands: kernels.map(({ name, grid }) => ({ do: "dispatch", kernel: name, grid: [grid[0], one, one] })),
        regions: { ...empty, input: region(input.length), work: region(pitch * kernels.length) },
        textures: textures.map(({ texture }) => texture),
      },
    },
    kernels: kernels.map((kernel) => ({
      ...{ name: kernel.name, work: { fixed: 1, perStep: 0 }, lanes: 1, regions: [] },
      ...bindingsOf(kernel, textures),
    })),
  };
  const backend = await webgl2InChromium();
  try {
    const machine = await backend.open({ plan, code: sealed(plan, glsl.assemble(kernels)) });
    await machine.prepare(0);
    const whole = { region: "input", offset: 0, length: input.length, stride: input.length, count: 1 } as const;
    await machine.write(whole, input);
    await machine.run("infer", 0);
    return await machine.read(
      kernels.map((_, i) => ({ region: "work", offset: i * pitch, length: size, stride: size, count: 1 })),
    );
  } finally {
    backend.close();
  }
}
