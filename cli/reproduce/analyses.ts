/** The analyses by name, as `cellc reproduce` takes them beside the studies. */
import { gradients } from "./analyses/gradients.ts";
import { lengths } from "./analyses/lengths.ts";
import { cellGain, placementsOnPixels } from "./analyses/placements.ts";
import { transient } from "./analyses/transient.ts";
import type { Analysis } from "./analysis.ts";

export const analyses: Readonly<Record<string, Analysis>> = {
  gradients,
  transient,
  lengths,
  placements: placementsOnPixels,
  "cell-gain": cellGain,
};
