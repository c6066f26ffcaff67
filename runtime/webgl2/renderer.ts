/** How passes are rendered: `driven.ts`, or where that does not work `called.ts`. */
import type { IndexTimes } from "../texture-index.ts";
import type { Image } from "./image.ts";
import type { Pass, Target } from "./pass.ts";

/** One rectangle of some outputs of a pass. */
interface Drawing {
  readonly pass: Pass;
  /** At least one. They begin at the same texel, and have rows of the same width. */
  readonly targets: readonly Target[];
  /** The image that a sampler reads, by its name in the shader. */
  readonly sampled: (sampler: string) => Image;
  readonly times: IndexTimes;
  /** Texels of each output. */
  readonly count: number;
  /** Of so many steps. If they are several, the rows of each follow those of the one before. */
  readonly steps: number;
}

/** The texels of a drawing, from its first on: all rows of each step, if it has several. */
export const texelsOf = ({ targets: [{ image }], count, steps }: Drawing): number =>
  steps === 1 ? count : steps * image.rows * 2 ** image.bits;

/** Between `begin` and `end`, nothing else uses the context. */
export interface Renderer {
  /** For `Backend.passes`. */
  readonly passes: "driven" | "called";
  /** Compiles a pass, so that errors show when it is opened. Errors: C0503, C0506. */
  load(pass: Pass): void;
  begin(): void;
  render(drawing: Drawing): void;
  /** Binds an image's texture, so that texels can be copied to it. */
  bindToCopy(image: Image): void;
  /** Leaves the context as gpu.js expects it. */
  end(): void;
  /** An image is about to be deleted. */
  release(image: Image): void;
}
