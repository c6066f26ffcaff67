/** Norms that an exploration places without a shift where another shift is added anyway (W0605): one of the two is enough. */
import { CompileError } from "../../compiler/diagnostics/diagnostic.ts";
import { unneededShifts } from "../../compiler/proofs/prove.ts";
import { type ElaborateOptions, elaborate } from "../../compiler/semantics/elaborate.ts";
import { parsePlacements, placementsIn, topLevelParts } from "../../compiler/semantics/placements.ts";
import type { SourceHost } from "../../compiler/source-host.ts";
import { type Placement, placementText } from "./placement.ts";

/** The placement with `beta = none` wherever that norm's shift is not needed; itself if it does not compile, which its row will say. */
export function withoutUnneededShifts(
  placement: Placement,
  file: string,
  host: SourceHost,
  options: ElaborateOptions,
): Placement {
  const place = [...placementsIn(options.place ?? []), ...parsePlacements(placementText(placement))];
  let found: ReturnType<typeof unneededShifts>;
  try {
    found = unneededShifts(elaborate(file, host, { ...options, place }));
  } catch (error) {
    if (error instanceof CompileError) return placement;
    throw error;
  }
  const entries = Object.entries(placement).map(([site, norm]) => {
    const options = found.filter((shift) => names(site, shift.site)).map(({ option }) => option);
    return [site, [...new Set(options)].reduce(withoutShift, norm)] as const;
  });
  return Object.fromEntries(entries);
}

/** Whether the name that is placed at, such as `hh` or `a/1`, means the site of that full name, such as `rnn.hh`. */
const names = (given: string, site: string): boolean => {
  const [wanted, full] = [given, site].map((name) => name.replaceAll("/", "."));
  return full === wanted || full.endsWith(`.${wanted}`) || full.startsWith(`${wanted}.`);
};

/** `batch` → `batch(beta = none)`. A norm whose shift is given on purpose stays as it is. */
function withoutShift(norm: string, option: string): string {
  const [, name, inside] = /^([^(]*)(?:\((.*)\))?$/s.exec(norm.trim()) ?? [];
  const given = inside === undefined || inside.trim() === "" ? [] : topLevelParts(inside).map((part) => part.trim());
  if (given.some((part) => part.replace(/\s*=.*$/s, "") === option)) return norm;
  return `${name.trim()}(${[...given, `${option} = none`].join(", ")})`;
}
