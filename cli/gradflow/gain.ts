import type { Elaborated } from "../../compiler/semantics/elaborate.ts";
import { placeName } from "../../compiler/semantics/site-names.ts";

/**
 * Placements, as `--place` takes them, that give every norm with an argument `gamma` this initial gain and change nothing else.
 * Undefined if there is no such norm.
 */
export function placedWithGain({ sites }: Pick<Elaborated, "sites">, gamma: number): string | undefined {
  const placed = sites.flatMap(({ name, norm, like }) => {
    // Scans with the weights of an earlier one have its norms.
    if (like !== undefined || norm?.args.gamma === undefined) return [];
    const args = Object.entries({ ...norm.args, gamma: String(gamma) }).map(([key, value]) => `${key} = ${value}`);
    return [`${placeName(name)}=${norm.name}(${args.join(", ")})`];
  });
  return placed.length === 0 ? undefined : placed.join(",");
}
