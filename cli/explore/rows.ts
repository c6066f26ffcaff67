/** The rows to try: every placement, which gives some sites a norm, with every seed. */
import { CompileError } from "../../compiler/diagnostics/diagnostic.ts";
import { type Elaborated, type ElaborateOptions, elaborate } from "../../compiler/semantics/elaborate.ts";
import { parsePlacements, placementsIn, topLevelParts } from "../../compiler/semantics/placements.ts";
import { placeName } from "../../compiler/semantics/site-names.ts";
import type { SourceHost } from "../../compiler/source-host.ts";
import { exit, Failure } from "../failure.ts";
import { type Placement, placementText, placesNothing } from "./placement.ts";

export interface Row {
  /** Counted from 1. */
  readonly number: number;
  /** As it was asked for. */
  readonly placement: Placement;
  /** What is trained: norms without the shifts that are not needed. */
  readonly placed: Placement;
  readonly seed: number;
}

export interface RowOptions {
  /** `hh,xh`. Default: all sites that the cell or model declares. */
  readonly sites?: string;
  /** `none,batch(gamma=0.1),layer` */
  readonly norms: string;
  /** Chosen placements instead of all combinations, each as `--place` takes it. */
  readonly placement?: readonly string[];
  /** The number of seeds for each placement. */
  readonly seeds: number;
}

/**
 * The placements to try, in order. If none of them leaves all their sites without a norm, one that does comes last: what the norms are
 * compared with. Throws C0301 for lists that cannot be read or that repeat an element.
 */
export function placementsOf(options: RowOptions, declared: readonly string[]): readonly Placement[] {
  const placements =
    options.placement === undefined
      ? combinations(
          options.sites === undefined ? declared : listed(options.sites, "site"),
          listed(options.norms, "norm"),
        )
      : options.placement.map(readPlacement);
  if (placements.some((placement) => Object.keys(placement).length === 0))
    throw new Failure(
      "C0301",
      exit.usage,
      "there is no site to place norms at",
      "declare one in the cell: site hh = h @ Wh",
    );
  twice(placements.map(placementText), "placement");
  const sites = [...new Set(placements.flatMap((placement) => Object.keys(placement)))];
  const bare = Object.fromEntries(sites.map((site) => [site, "none"]));
  const isBare = (placement: Placement): boolean =>
    placesNothing(placement) && sites.every((site) => site in placement);
  return placements.some(isBare) ? placements : [...placements, bare];
}

/** Every placement with the same seeds, from the first one on. `placed` says what is trained of a placement. */
export const rowsOf = (
  placements: readonly Placement[],
  seeds: number,
  firstSeed: number,
  placed: (placement: Placement) => Placement,
): readonly Row[] =>
  placements
    .map((placement) => ({ placement, placed: placed(placement) }))
    .flatMap((row) => Array.from({ length: seeds }, (_, i) => ({ ...row, seed: firstSeed + i })))
    .map((row, at) => ({ number: at + 1, ...row }));

/** Every combination of norms at the sites. The last site's norm changes fastest. */
function combinations(sites: readonly string[], norms: readonly string[]): readonly Placement[] {
  return sites.reduce<readonly Placement[]>(
    (placements, site) => placements.flatMap((placement) => norms.map((norm) => ({ ...placement, [site]: norm }))),
    [{}],
  );
}

function listed(text: string, what: string): readonly string[] {
  const parts = topLevelParts(text).map((part) => part.trim());
  if (parts.includes("")) throw new Failure("C0301", exit.usage, `"${text}" is no list of ${what}s`);
  twice(parts, what);
  return parts;
}

function readPlacement(text: string): Placement {
  const pairs = topLevelParts(text).map((part): readonly [string, string] => {
    const at = part.indexOf("=");
    return [part.slice(0, Math.max(0, at)).trim(), part.slice(at + 1).trim()];
  });
  if (pairs.some(([site, norm]) => site === "" || norm === ""))
    throw new Failure("C0301", exit.usage, `"${text}" is no placement`, "write site=norm, as in hh=batch,cc=layer");
  twice(
    pairs.map(([site]) => site),
    "site",
  );
  return Object.fromEntries(pairs);
}

function twice(names: readonly string[], what: string): void {
  const again = names.find((name, at) => names.indexOf(name) < at);
  if (again !== undefined) throw new Failure("C0301", exit.usage, `the ${what} ${again} is given twice`);
}

/** The shortest names that `--place` understands: `hh`, or `rnn.hh` if two scans have an `hh`. */
export function siteNames({ sites }: Pick<Elaborated, "sites">): readonly string[] {
  // Scans with the weights of an earlier one have its norms.
  const names = sites.filter(({ like }) => like === undefined).map(({ name }) => placeName(name));
  const short = (name: string): string => name.slice(name.lastIndexOf(".") + 1);
  return names.map((name) => (names.filter((other) => short(other) === short(name)).length === 1 ? short(name) : name));
}

/** Codes about names rather than placements: there is no such site or norm, or the text is not a placement. */
const WRONG_NAMES: ReadonlySet<string> = new Set(["C0208", "C0209", "C0301"]);

/** Throws `CompileError` for a site or norm that does not exist. A norm that cannot be at a site makes its row fail instead. */
export function checkNames(
  placements: readonly Placement[],
  file: string,
  host: SourceHost,
  options: ElaborateOptions,
): void {
  const single = new Set(
    placements.flatMap((placement) => Object.entries(placement).map(([site, norm]) => placementText({ [site]: norm }))),
  );
  for (const text of single) {
    const place = [...placementsIn(options.place ?? []), ...parsePlacements(text)];
    try {
      elaborate(file, host, { ...options, place });
    } catch (error) {
      if (error instanceof CompileError && error.diagnostics.some(({ code }) => WRONG_NAMES.has(code))) throw error;
    }
  }
}
