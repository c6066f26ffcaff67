/** The effect of each norm at each site, over all placements that differ in nothing else. */
import { type PairedDifference, pairedDifference } from "../statistics/paired.ts";
import { type Placement, placementText } from "./placement.ts";

export interface Effect {
  readonly site: string;
  readonly norm: string;
  /** What the norm is compared with at that site: `none`, where some placement has it. */
  readonly reference: string;
  /**
   * The measure with the norm less the measure with the reference; a pair for each seed, which is a mean over the other sites' norms. The
   * intervals of all effects together hold with 95 %: of many, some would look clear by chance.
   */
  readonly difference: PairedDifference;
  /** How many pairs of placements it is the mean of, and how many more there are that did not finish with every seed. */
  readonly placements: number;
  readonly unfinished: number;
}

/** A placement with its measure for each seed, or undefined if it did not finish with all of them. */
export interface Measured {
  readonly placement: Placement;
  readonly values: readonly number[] | undefined;
}

/** The effects that the placements can tell, by site and in the order of the norms. */
export function mainEffects(measured: readonly Measured[]): readonly Effect[] {
  const known = new Map(measured.map((one) => [keyOf(one.placement), one]));
  const sites = [...new Set(measured.flatMap(({ placement }) => Object.keys(placement)))];
  const found = sites.flatMap((site) => {
    const norms = [...new Set(measured.flatMap(({ placement }) => placement[site] ?? []))];
    const reference = norms.includes("none") ? "none" : norms[0];
    return norms.filter((norm) => norm !== reference).flatMap((norm) => pairsOf(site, norm, reference, known));
  });
  return found.map(({ bySeed, ...effect }) => ({ ...effect, difference: pairedDifference(bySeed, found.length) }));
}

type Pairs = Omit<Effect, "difference"> & { readonly bySeed: readonly number[] };

function pairsOf(
  site: string,
  norm: string,
  reference: string,
  known: ReadonlyMap<string, Measured>,
): readonly Pairs[] {
  const pairs = [...known.values()].flatMap(({ placement, values }) => {
    const other = placement[site] === norm ? known.get(keyOf({ ...placement, [site]: reference })) : undefined;
    return other === undefined ? [] : [{ values, others: other.values }];
  });
  const finished = pairs.flatMap(({ values, others }) =>
    values !== undefined && others !== undefined ? [values.map((value, seed) => value - others[seed])] : [],
  );
  if (finished.length === 0) return [];
  const bySeed = finished[0].map((_, seed) => finished.reduce((sum, pair) => sum + pair[seed], 0) / finished.length);
  const counts = { placements: finished.length, unfinished: pairs.length - finished.length };
  return [{ ...{ site, norm, reference }, ...counts, bySeed }];
}

/** The same for the same norms, in whichever order the sites stand. */
const keyOf = (placement: Placement): string =>
  placementText(Object.fromEntries(Object.entries(placement).sort(([a], [b]) => (a < b ? -1 : 1))));
