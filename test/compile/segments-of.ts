/** Studies whose memory is capped so far that sequences are cut in segments. */
import type { Target } from "../../compiler/target.ts";
import type { Study } from "./study.ts";

/** `study` under the largest of a few caps with which `train` runs in segments of at most `most` steps. Throws if none does. */
export function cutInSegments(
  study: (memory: number) => Study,
  target: Target,
  steps: number,
  most = steps / 2,
): Study {
  for (let memory = 2 ** 15; memory >= 2 ** 12; memory = Math.floor(memory * 0.94)) {
    const made = study(memory);
    try {
      const { work } = made.compile(target, ["train"]).plan.entries.train!.regions;
      if (work.segment && work.segment.length <= most) return made;
    } catch {
      break;
    }
  }
  throw new Error("no cap cuts the sequence in segments");
}
