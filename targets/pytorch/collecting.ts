/** Lines that let the norms of a method keep statistics. */
import type { TimeAxes } from "../../compiler/ir/time-axes.ts";
import type { Graph, Op, OpOf } from "../../compiler/ir/types.ts";
import { hasName } from "./marks.ts";
import { attribute } from "./names.ts";
import type { NormClass } from "./norm.ts";
import { indent } from "./text.ts";

export interface CollectingOptions {
  readonly graph: Graph;
  readonly axes: TimeAxes;
  /** Those that inputs have. */
  readonly timeAxes: readonly string[];
  readonly about: { readonly distributed?: boolean };
  /** Whether some number changes with the updates done, outside of norms. */
  readonly hasRamp: boolean;
  readonly norms: ReadonlyMap<string, { readonly path: readonly string[]; readonly made: NormClass }>;
}

export class Collecting {
  private readonly o: CollectingOptions;

  constructor(options: CollectingOptions) {
    this.o = options;
  }

  /** What the norms among these ops do before a batch: a batch that was interrupted may have left something. */
  before(ops: readonly Op[]): readonly string[] {
    const lines = this.among(ops).map(([, { path }]) => `${attribute(path)}.forget()`);
    return lines.length === 0 ? [] : ["if self.training:", ...indent(lines)];
  }

  /** What they do after it. */
  after(ops: readonly Op[], countsUpdates: boolean): readonly string[] {
    const lines = this.among(ops).map(([site, { path }]) => `${attribute(path)}.collect(${this.steps(site)})`);
    const all = [...lines, ...(countsUpdates && this.o.hasRamp ? ["self.updates += 1"] : [])];
    return all.length === 0 ? [] : ["if self.training:", ...indent(all)];
  }

  /** The norms of these ops that keep statistics, by their sites. */
  private among(ops: readonly Op[]): readonly (readonly [string, { readonly path: readonly string[] }])[] {
    const isAt = (all: readonly Op[], site: string): boolean =>
      all.some((op) => (op.op === "site" && op.attrs.name === site) || (op.body && isAt(op.body.ops, site)));
    return [...this.o.norms].filter(([site, { made }]) => made.hasStatistics && isAt(ops, site));
  }

  /** Which examples have which steps at a site, its first step, how many there are, and, for several processes, the examples. */
  private steps(site: string): string {
    const { axes, timeAxes, about, graph } = this.o;
    const B = about.distributed ? ", B" : "";
    let found = "";
    const visit = (ops: readonly Op[], scan?: OpOf<"scan">): void => {
      for (const op of ops) {
        if (op.op === "scan") visit(op.body!.ops, op);
        if (op.op !== "site" || op.attrs.name !== site) continue;
        const [x] = op.operands;
        if (scan || x.type.time) {
          found = `${hasName(axes.steps(scan ?? x).axis ?? "")}, start, T${B}`;
          continue;
        }
        const [has] = timeAxes.map(hasName);
        found = has === undefined ? `None, 0, 1${B}` : `None if ${has} is None else ${has}.any(0), 0, 1${B}`;
      }
    };
    visit(graph.ops);
    return found;
  }
}
