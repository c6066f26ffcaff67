/** Sites: the named values of a cell or model at which a norm may stand, and the norms that stand there. */
import type { Span } from "../diagnostics/span.ts";
import type { Builder } from "../ir/builder.ts";
import type { Graph, Type, Value } from "../ir/types.ts";
import type { Name } from "../syntax/ast.ts";
import type { World } from "./context.ts";
import type { Dependence } from "./dependence.ts";
import { mostOps, tooMuch } from "./limits.ts";
import { elaborateNorm, type NormInfo } from "./norms.ts";
import type { Placed } from "./placements.ts";
import type { Meaning } from "./scope.ts";

/** A named point of a cell or model, and what stands there. */
export interface SiteInfo {
  /** `hh`, `rnn/hh`. */
  readonly name: string;
  readonly type: Type;
  /** Undefined: nothing is placed. */
  readonly norm: NormInfo | undefined;
  /** The value depends on a state of its cell. */
  readonly recurrent: boolean;
  readonly span: Span;
}

/** The site of a value. */
export interface Point {
  readonly value: Value;
  /** Full name: `rnn/hh`. */
  readonly name: string;
  /** As it is declared. */
  readonly declared: Name;
  /** In a cell's body; what stands around the scans stands in no loop. */
  readonly inCell: boolean;
  readonly dependence: Dependence;
  /** What is placed there. */
  readonly placed: Placed | "none" | undefined;
}

/** The sites of one cell or model. */
export class Sites {
  readonly all: SiteInfo[] = [];
  /** Parameters are places for norms, too. */
  readonly parameters: SiteInfo[] = [];
  readonly norms = new Map<string, Graph>();
  private readonly world: World;
  /** Of all norms. */
  private ops = 0;

  constructor(world: World) {
    this.world = world;
  }

  /** The value behind the site, in `b`. */
  add(b: Builder, point: Point): Value {
    const norm = this.norm(point, "value");
    this.all.push(this.info(point, norm));
    return b.one("site", [point.value], { name: point.name }, point.declared.text);
  }

  /** What a parameter is after the norm placed on it, in `b`: it stands there once, before all steps. */
  parameter(b: Builder, meaning: Meaning, name: string, declared: Name, placed: Placed | "none" | undefined): Meaning {
    if (meaning.kind !== "value") return meaning;
    const { value } = meaning;
    const point: Point = { value, name, declared, inCell: false, dependence: { kind: "constant" }, placed };
    const norm = this.norm(point, "parameter");
    this.parameters.push(this.info(point, norm));
    if (norm === undefined) return meaning;
    return { kind: "value", value: b.one("site", [value], { name }, declared.text) };
  }

  /** Takes over the sites of a cell that a model scans. */
  include({ all, parameters, norms, ops }: Sites): void {
    this.ops += ops;
    this.all.push(...all);
    this.parameters.push(...parameters);
    for (const [name, norm] of norms) this.norms.set(name, norm);
  }

  private norm({ placed, name, declared, value, inCell, dependence }: Point, of: "value" | "parameter") {
    if (placed === undefined || placed === "none") return undefined;
    const site = { name, short: declared.text, type: value.type, inCell, dependence, of };
    const norm = elaborateNorm(placed, site, this.world);
    if (norm === undefined) return undefined;
    this.norms.set(name, norm.template);
    this.ops += norm.template.ops.length;
    if (this.ops > mostOps)
      tooMuch(
        "the norms at the sites of a cell or model have operations,",
        mostOps,
        placed.ref.span,
        this.world.problems,
      );
    return norm.info;
  }

  private info({ name, value, dependence, declared }: Point, norm: NormInfo | undefined): SiteInfo {
    return { name, type: value.type, norm, recurrent: dependence.kind === "recurrent", span: declared.span };
  }
}
