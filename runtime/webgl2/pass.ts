/** A pass: a kernel, what it samples and where it stores, at one start of it. */
import type { Index, KernelInfo, TextureWrite } from "../plan.ts";
import { type IndexTimes, indexAt } from "../texture-index.ts";
import type { Image } from "./image.ts";
import { type Bound, placeOf, type Textures } from "./textures.ts";

/** What a sampler of a kernel reads. */
interface Sampled {
  readonly texture: string;
  /** Of an alternating texture: the frame, or `odd` where another sampler has the even ones. */
  readonly frame?: Index;
  readonly odd?: true;
}

/** A kernel that can be started. */
export interface Pass {
  readonly name: string;
  readonly shader: string;
  /** By the samplers' names in the shader. */
  readonly samples: ReadonlyMap<string, Sampled>;
  readonly writes: readonly TextureWrite[];
  /** The textures that it reads. */
  readonly reads: ReadonlySet<string>;
  /** It renders as many steps at once as its outputs have frames in a layer. */
  readonly sweeps: boolean;
}

export const passOf = ({ name, reads = [], writes = [], sweeps }: KernelInfo, shader: string): Pass => ({
  name,
  shader,
  reads: new Set(reads.map(({ texture }) => texture)),
  samples: new Map(
    reads.flatMap(({ name: sampler, texture, frame }): readonly (readonly [string, Sampled])[] =>
      frame !== undefined
        ? [[sampler, { texture, frame }]]
        : [
            [sampler, { texture }],
            [`${sampler}_odd`, { texture, odd: true }],
          ],
    ),
  ),
  writes,
  sweeps: sweeps === true,
});

/** How many of `steps` steps from `times` on it renders at once. */
export function stepsAtOnce(
  { writes: [first], sweeps }: Pass,
  bound: ReadonlyMap<string, Bound>,
  times: IndexTimes,
  steps: number,
): number {
  const { stackBits } = bound.get(first.texture)!;
  if (!sweeps || stackBits === undefined) return 1;
  const each = 2 ** stackBits;
  return Math.min(steps, each - (indexAt(first.frame ?? 0, times) % each));
}

/** Where an output goes. */
export interface Target {
  /** Its number among the outputs. */
  readonly output: number;
  readonly image: Image;
  readonly layer: number;
  /** The first texel in the layer. */
  readonly first: number;
  /** The region whose shadow it is. */
  readonly shadowOf?: string;
}

/** The image that a sampler reads. */
export function sampledBy(
  { name, samples }: Pass,
  sampler: string,
  bound: ReadonlyMap<string, Bound>,
  times: IndexTimes,
): Image {
  const sampled = samples.get(sampler);
  if (sampled === undefined) throw new Error(`kernel \`${name}\` samples \`${sampler}\`, which the plan does not name`);
  const { texture, frame, odd } = sampled;
  const { images } = bound.get(texture)!;
  return images[odd ? 1 : frame !== undefined && images.length === 2 ? indexAt(frame, times) & 1 : 0];
}

/** Where the outputs go that are stored at this start. */
export function targetsOf(
  { writes, reads }: Pass,
  bound: ReadonlyMap<string, Bound>,
  textures: Textures,
  times: IndexTimes,
): readonly Target[] {
  const targets: Target[] = [];
  writes.forEach(({ texture, frame = 0, at, below }, output) => {
    if (below && indexAt(below[0], times) >= indexAt(below[1], times)) return;
    const to = bound.get(texture)!;
    const { image, layer, row } = placeOf(to, indexAt(frame, times), textures.layerBits);
    const first = indexAt(at, times) / 4 + row * 2 ** image.bits;
    targets.push(
      to.isRegion && reads.has(texture)
        ? { output, image: textures.shadows!.of(texture), layer, first, shadowOf: texture }
        : { output, image, layer, first },
    );
  });
  return targets;
}

/** Targets that begin at the same texel are rendered together, if their textures are alike: WebGL2 takes no others in a framebuffer. */
export function together(targets: readonly Target[]): readonly (readonly Target[])[] {
  const groups: Target[][] = [];
  for (const target of targets) {
    const { first, image } = target;
    const group = groups.find(
      ([other]) => other.first === first && other.image.bits === image.bits && other.image.height === image.height,
    );
    if (group) group.push(target);
    else groups.push([target]);
  }
  return groups;
}
