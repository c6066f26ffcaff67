/** Sites: the named values of a cell or model at which a norm may be placed, and the norms placed there. */
import type { Span } from "../diagnostics/span.ts";
import type { Builder } from "../ir/builder.ts";
import type { Graph, Type, Value } from "../ir/types.ts";
import type { Name } from "../syntax/ast.ts";
import type { World } from "./context.ts";
import type { Dependence } from "./dependence.ts";
import { maxOps, reportLimit } from "./limits.ts";
import { type Loop, ownLoop } from "./norm-states.ts";
import { elaborateNorm, expandInLoop, hasState, type NormInfo } from "./norms.ts";
import type { Placed } from "./placements.ts";
import type { Meaning } from "./scope.ts";

/** A site of a cell or model, and the norm placed there. */
export interface SiteInfo {
  /** `hh`, `rnn/hh`. */
  readonly name: string;
  readonly type: Type;
  /** Undefined if none is placed. */
  readonly norm: NormInfo | undefined;
  /** Whether the value depends on a state of its cell. */
  readonly recurrent: boolean;
  /** The site whose norm it has, with its parameters: that of an earlier scan with the same weights. */
  readonly like?: string;
  readonly span: Span;
}

/** A site to be added. */
export interface Point {
  readonly value: Value;
  /** Full name: `rnn/hh`. */
  readonly name: string;
  /** The name in its declaration. */
  readonly declared: Name;
  /** Whether it is in a cell's body. Anything around the scans is outside of loops. */
  readonly inCell: boolean;
  readonly dependence: Dependence;
  /** The norm placed there. */
  readonly placed: Placed | "none" | undefined;
  /** The site whose norm this is, with the same parameters. */
  readonly like?: string;
  /** The loop that it is in. */
  readonly loop?: Loop;
  /** Whether that loop begins anew inside sequences. */
  readonly resets?: boolean;
}

/** The sites of one cell or model. */
export class Sites {
  readonly all: SiteInfo[] = [];
  /** Parameters, on which norms can be placed too. */
  readonly parameters: SiteInfo[] = [];
  readonly norms = new Map<string, Graph>();
  private readonly world: World;
  /** The number of ops of all norms. */
  private ops = 0;

  constructor(world: World) {
    this.world = world;
  }

  /** Adds a site to `b` and returns its result. */
  add(b: Builder, point: Point): Value {
    if (point.placed !== undefined && point.placed !== "none" && hasState(point.placed.decl))
      return this.withState(b, point, point.placed);
    const norm = this.norm(point, "value");
    this.all.push(this.info(point, norm));
    return b.one("site", [point.value], { name: point.name }, point.declared.text);
  }

  /** A norm with states is expanded where it is placed, in its loop or in one of its own. */
  private withState(b: Builder, point: Point, placed: Placed): Value {
    const { name, declared, loop, like } = point;
    const marked = b.one("site", [point.value], { name }, declared.text);
    const expand = (x: Value, loop: Loop | undefined): Value => {
      const site = {
        name,
        short: declared.text,
        type: x.type,
        inCell: true,
        dependence: point.dependence,
        like,
      } as const;
      const made = this.world.problems.inside([], () =>
        expandInLoop(placed, { ...site, of: "value" }, x, loop, this.world),
      );
      this.all.push(this.info(point, made?.info));
      return made?.value ?? x;
    };
    if (loop !== undefined) return expand(marked, loop);
    return marked.type.time ? ownLoop(b, marked, expand) : expand(marked, undefined);
  }

  /** A parameter after the norm placed on it, computed in `b`, once before all steps. */
  parameter(b: Builder, meaning: Meaning, name: string, declared: Name, placed: Placed | "none" | undefined): Meaning {
    if (meaning.kind !== "value") return meaning;
    const { value } = meaning;
    const point: Point = { value, name, declared, inCell: false, dependence: { kind: "constant" }, placed };
    const norm = this.norm(point, "parameter");
    this.parameters.push(this.info(point, norm));
    if (norm === undefined) return meaning;
    const normalized = b.one("site", [value], { name }, declared.text);
    this.world.parameters.set(normalized, this.world.parameters.get(value)!);
    return { kind: "value", value: normalized };
  }

  /** Adds the sites of a cell that the model scans. */
  include({ all, parameters, norms, ops }: Sites): void {
    this.ops += ops;
    this.all.push(...all);
    this.parameters.push(...parameters);
    for (const [name, norm] of norms) this.norms.set(name, norm);
  }

  private norm({ placed, name, declared, value, ...point }: Point, of: "value" | "parameter") {
    if (placed === undefined || placed === "none") return undefined;
    const { inCell, dependence, like, resets } = point;
    const site = { name, short: declared.text, type: value.type, inCell, dependence, of, like, resets };
    // Mistakes of a placement are reported there, also if the site is in a function.
    const norm = this.world.problems.inside([], () => elaborateNorm(placed, site, this.world));
    if (norm === undefined) return undefined;
    this.norms.set(name, norm.template);
    this.ops += norm.template.ops.length;
    if (this.ops > maxOps)
      reportLimit(
        "the norms at the sites of a cell or model have operations,",
        maxOps,
        placed.ref.span,
        this.world.problems,
      );
    return norm.info;
  }

  private info({ name, value, dependence, declared, like }: Point, norm: NormInfo | undefined): SiteInfo {
    const recurrent = dependence.kind === "recurrent";
    return { name, type: value.type, norm, recurrent, ...(like && { like }), span: declared.span };
  }
}
