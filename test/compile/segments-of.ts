/** Studies whose memory is capped so far that sequences are cut in segments. */
import type { Target } from "../../compiler/target.ts";
import { regionSizes } from "../../runtime/layout.ts";
import type { Study } from "./study.ts";

/**
 * `study` of sequences of `steps` steps under the largest of a few caps, each smaller than what it takes, with which `train` runs in
 * segments of at most `most` steps. Throws if none does.
 */
export function cutInSegments(
  study: (memory: number) => Study,
  target: Target,
  steps: number,
  most = steps / 2,
): Study {
  const whole = study(2 ** 40).compile(target, ["train"]).plan;
  const bytes = 4 * Object.values(regionSizes(whole, steps)).reduce((sum, floats) => sum + floats, 0);
  const least = leastMemory(study(1), target);
  for (let memory = bytes - 1; ; memory = Math.max(least, Math.floor(0.95 * memory))) {
    const made = study(memory);
    const { work } = made.compile(target, ["train"]).plan.entries.train!.regions;
    if (work.segment && work.segment.length <= most) return made;
    if (memory === least) throw new Error("no cap cuts the sequence in segments");
  }
}

/** The bytes without which a study is refused, as the refusal says. */
function leastMemory(study: Study, target: Target): number {
  try {
    study.compile(target, ["train"]);
  } catch (error) {
    const [, bytes] = /need at least (\d+) bytes/.exec(String(error)) ?? [];
    if (bytes !== undefined) return Number(bytes);
    throw error;
  }
  throw new Error("a byte of memory is enough");
}
