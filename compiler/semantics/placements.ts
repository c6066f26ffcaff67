/** Placements of norms at sites, by the file, its derivations and the caller's options. The last one counts. */
import { CompileError, type Diagnostic } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/nearest.ts";
import { type Kind, kind } from "../diagnostics/option-table.ts";
import { nowhere } from "../diagnostics/span.ts";
import type { NormDecl, NormRef, PlaceStmt, SiteRef } from "../syntax/ast.ts";
import { parse } from "../syntax/parse.ts";
import { printSite } from "../syntax/print.ts";
import type { InModule } from "./derivations.ts";
import type { Module } from "./modules.ts";
import { usualNorm } from "./norm-aliases.ts";
import type { Problems } from "./problems.ts";
import type { Scope } from "./scope.ts";
import type { LocalName } from "./site-names.ts";

/** One parsed `site=norm` of a `--place` option. Pass it on unchanged. */
export interface PlaceOption {
  readonly sites: readonly SiteRef[];
  readonly norm: NormRef;
}

/** The norm that a placement names, or `none`. */
export interface Placed {
  readonly ref: SiteRef;
  readonly norm: NormRef;
  readonly decl: NormDecl;
  /** Where the names in the norm's body are looked up. */
  readonly declModule: Module;
  /** Where the names in the arguments are looked up, with the dimensions of `scope`. */
  readonly module: Module;
  readonly scope: Scope;
}

export interface Placement {
  readonly refs: readonly SiteRef[];
  readonly norm: NormRef;
  readonly module: Module;
  readonly scope: Scope;
}

/** `none`, or a norm with its declaration. Undefined after a report. */
function normOf(p: Placement, ref: SiteRef, problems: Problems): Placed | "none" | undefined {
  const { norm, module, scope } = p;
  const name = norm.name.text;
  const declared = module.names.get(name);
  if (name === "none" && declared === undefined) return "none";
  if (declared?.decl.kind === "norm")
    return { ref, norm, decl: declared.decl, declModule: declared.module, module, scope };
  if (declared?.decl.kind === "poisoned" || (declared === undefined && module.damaged.has(name))) return undefined;
  const norms = [...module.names].flatMap(([n, d]) => (d.decl.kind === "norm" ? [n] : []));
  problems.error("C0209", norm.name.span, declared ? `\`${name}\` is not a norm` : `there is no norm \`${name}\``, {
    label: "unknown norm",
    help: () => unknownNorm(name, norms),
  });
  return undefined;
}

function unknownNorm(name: string, norms: readonly string[]): string {
  const usual = usualNorm(name);
  const list = `norms are ${norms.join(", ")}`;
  if (usual !== undefined && norms.includes(usual)) return `did you mean \`${usual}\`? ${list}`;
  return didYouMean(name, [...norms, "none"]) ?? list;
}

/** The placements of one elaboration, and which of them have found their site. */
export class Placements {
  private readonly all: readonly Placement[];
  /** References that have found their site. */
  private readonly found = new Set<SiteRef>();
  private readonly problems: Problems;

  constructor(all: readonly Placement[], problems: Problems) {
    this.all = all;
    this.problems = problems;
    for (const p of all) for (const ref of p.refs) normOf(p, ref, problems);
  }

  /**
   * What is placed at site `site` of scope `scope` (undefined for own sites). `unscoped`: a reference without a scope means
   * this scope too. A reference without rounds means all of them.
   */
  at(scope: string | undefined, { base: site, rounds }: LocalName, unscoped = false): Placed | "none" | undefined {
    let result: Placed | "none" | undefined;
    for (const p of this.all) {
      for (const ref of p.refs) {
        const sameScope = ref.scope?.text === scope || (ref.scope === undefined && unscoped);
        const sameRounds = (ref.rounds ?? []).every((round, i) => round === rounds[i]);
        if (ref.site.text !== site || !sameScope || !sameRounds) continue;
        this.found.add(ref);
        result = normOf(p, ref, this.problems);
      }
    }
    return result;
  }

  /** Reports the references that found neither a site (`hh`, `rnn.hh`) nor a parameter (`rnn.Wh`). */
  reportUnknown(sites: readonly string[], parameters: readonly string[]): void {
    const known = [
      ...(sites.length > 0 ? [`sites are ${sites.join(", ")}`] : []),
      ...(parameters.length > 0 ? [`parameters are ${parameters.join(", ")}`] : []),
    ];
    for (const p of this.all) {
      for (const ref of p.refs) {
        if (this.found.has(ref) || p.module.damaged.has(ref.site.text)) continue;
        const name = printSite(ref);
        this.problems.error("C0208", ref.span, `there is no site or parameter \`${name}\``, {
          label: "unknown site",
          help: () =>
            didYouMean(name, [...sites, ...parameters]) ??
            (sites.length > 0 ? known.join("; ") : ["declare a site: site s = …", ...known].join("; ")),
        });
      }
    }
  }
}

export const placementsOf = (stmts: readonly InModule<PlaceOption>[], scope: Scope): readonly Placement[] =>
  stmts.map(({ stmt, module }) => ({ refs: stmt.sites, norm: stmt.norm, module, scope }));

/** The kind of an option that holds placements: a text, or the result of parsing one. */
export const placementList: Kind<string | readonly PlaceOption[]> = kind(
  'a text such as "hh=layer", or the result of parsePlacements',
  (value) => typeof value === "string" || (Array.isArray(value) && value.every(isPlaceOption)),
);

const isPlaceOption = (value: Partial<PlaceOption> | null): boolean =>
  Array.isArray(value?.sites) && typeof value.norm === "object";

/** The placements in an option. Throws like `parsePlacements`. */
export const placementsIn = (option: string | readonly PlaceOption[]): readonly PlaceOption[] =>
  typeof option === "string" ? parsePlacements(option) : option;

/**
 * Parses a `--place` option: `hh=layer,cc=batch(gamma=0.2),rnn.hh=none`. Spans point into a file of that name.
 * Throws `CompileError` (C0301) on a text that it cannot read.
 */
export function parsePlacements(text: string): readonly PlaceOption[] {
  return topLevelParts(text).map((part) => {
    const at = part.indexOf("=");
    const stmt = at > 0 ? readPlacement(part.slice(0, at), part.slice(at + 1)) : undefined;
    if (stmt !== undefined) return { sites: stmt.sites, norm: stmt.norm };
    const problem: Diagnostic = {
      code: "C0301",
      severity: "error",
      message: `\`${part.trim()}\` is not a placement`,
      span: nowhere,
      help: "write site=norm, as in hh=layer,cc=batch(gamma=0.2)",
    };
    throw new CompileError([problem]);
  });
}

function readPlacement(site: string, norm: string): PlaceStmt | undefined {
  const { file, diagnostics } = parse(`cell option() { place ${site} : ${norm} }`, `--place ${site}=${norm}`);
  const decl = file.declarations[0];
  if (diagnostics.length > 0 || file.declarations.length !== 1 || decl.kind !== "cell" || decl.body.length !== 1)
    return undefined;
  const stmt = decl.body[0];
  return stmt.kind === "place" ? stmt : undefined;
}

/** The parts between commas outside of brackets. */
export function topLevelParts(text: string): readonly string[] {
  const parts = [""];
  let depth = 0;
  for (const ch of text) {
    if (ch === "(" || ch === "[") depth++;
    if (ch === ")" || ch === "]") depth--;
    if (ch === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += ch;
  }
  return parts;
}
