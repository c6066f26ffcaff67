/**
 * What a kernel binds on a machine that keeps buffers in textures: those that it samples, and those that it renders to, with the
 * frames and places as indices that the runtime computes when it starts the kernel.
 */
import type { Index, TextureRead, TextureWrite } from "../runtime/plan.ts";
import type { SharedTexture } from "./buffers/textures.ts";
import { sameExpr } from "./kernel-ir/equality.ts";
import * as x from "./kernel-ir/expr.ts";
import { mapExpr } from "./kernel-ir/rewrite.ts";
import { outputsOf, samplersOf, sweeps } from "./kernel-ir/samplers.ts";
import type { IntOp, KExpr, Kernel } from "./kernel-ir/types.ts";
import { KernelError } from "./kernel-ir/verify.ts";

export interface TextureBindings {
  readonly reads: readonly TextureRead[];
  readonly writes: readonly TextureWrite[];
  readonly sweeps?: true;
}

/** The bindings of a kernel, whose buffers are in `textures`. */
export function bindingsOf(kernel: Kernel, textures: readonly SharedTexture[]): TextureBindings {
  const textureOf = (region: string): string =>
    textures.find(({ holds }) => holds.includes(region))?.texture.name ?? region;
  return {
    reads: samplersOf(kernel).map(({ name, region, frame }) => ({
      name,
      texture: textureOf(region.region),
      ...(frame && { frame: indexOf(frame, kernel) }),
    })),
    writes: outputsOf(kernel).map(({ store, below }) => ({
      texture: textureOf(store.memory.kind === "region" ? store.memory.region : ""),
      ...(store.frame && { frame: indexOf(store.frame, kernel) }),
      at: indexOf(originOf(store.index, kernel), kernel),
      ...(below && { below: [indexOf(below[0], kernel), indexOf(below[1], kernel)] as const }),
    })),
    ...(sweeps(kernel) && { sweeps: true as const }),
  };
}

/** The index of the first texel's first float: texel i stores four floats at 4·i from there. */
function originOf(index: KExpr, kernel: Kernel): KExpr {
  const at = (texel: number): KExpr =>
    folded(mapExpr(index, (e) => (e.k === "group" && e.axis === 0 ? x.int(texel) : e)));
  const first = at(0);
  if (!sameExpr(folded(x.add(first, x.int(4))), at(1)))
    throw new KernelError(kernel, "a store that is not to the texel of its unit");
  return first;
}

/** The expression with its constants folded. */
const folded = (e: KExpr): KExpr =>
  mapExpr(e, (inner) => {
    if (inner.k !== "int2") return inner;
    const { op, a, b } = inner;
    const fold = { add: x.add, sub: x.sub, mul: x.mul, div: x.div, rem: x.rem, min: x.min, max: x.max }[op];
    return fold(a, b);
  });

function indexOf(e: KExpr, kernel: Kernel): Index {
  switch (e.k) {
    case "int":
      return e.value;
    case "uniform":
      return e.name;
    case "group":
      if (e.axis === 1) return "y";
      break;
    case "int2":
      return [e.op satisfies IntOp, indexOf(e.a, kernel), indexOf(e.b, kernel)];
    default:
  }
  throw new KernelError(kernel, "a frame that the host cannot know");
}
