/** Lines that let the norms of a method keep statistics. */
import type { Op } from "../../compiler/ir/types.ts";
import { hasName } from "./marks.ts";
import { attribute } from "./names.ts";
import type { NormClass } from "./norm.ts";
import { indent } from "./text.ts";

/** A norm in the module. */
export interface NormAt {
  /** Its attribute. */
  readonly path: readonly string[];
  readonly made: NormClass;
  /** The time axis of its steps; "" for the main one, undefined for values over none. */
  readonly axis: string | undefined;
}

export interface CollectingOptions {
  /** Those that inputs have. */
  readonly timeAxes: readonly string[];
  readonly about: { readonly distributed?: boolean };
  /** Whether some number changes with the updates done, outside of norms. */
  readonly hasRamp: boolean;
  /** By site. */
  readonly norms: ReadonlyMap<string, NormAt>;
}

export class Collecting {
  private readonly o: CollectingOptions;

  constructor(options: CollectingOptions) {
    this.o = options;
  }

  /** What the norms among these ops do before a batch: a batch that was interrupted may have left something. */
  before(ops: readonly Op[]): readonly string[] {
    const lines = this.among(ops).map(({ path }) => `${attribute(path)}.forget()`);
    return lines.length === 0 ? [] : ["if self.training:", ...indent(lines)];
  }

  /** What they do after it. */
  after(ops: readonly Op[], countsUpdates: boolean): readonly string[] {
    const lines = this.among(ops).map(({ path, axis }) => `${attribute(path)}.collect(${this.steps(axis)})`);
    const all = [...lines, ...(countsUpdates && this.o.hasRamp ? ["self.updates += 1"] : [])];
    return all.length === 0 ? [] : ["if self.training:", ...indent(all)];
  }

  /** The norms of these ops that keep statistics. */
  private among(ops: readonly Op[]): readonly NormAt[] {
    const isAt = (all: readonly Op[], site: string): boolean =>
      all.some((op) => (op.op === "site" && op.attrs.name === site) || (op.body && isAt(op.body.ops, site)));
    return [...this.o.norms].flatMap(([site, norm]) => (norm.made.hasStatistics && isAt(ops, site) ? [norm] : []));
  }

  /** Which examples have which steps, the first step, how many there are, and, for several processes, the examples. */
  private steps(axis: string | undefined): string {
    const { timeAxes, about } = this.o;
    const B = about.distributed ? ", B" : "";
    if (axis !== undefined) return `${hasName(axis)}, start, T${B}`;
    const [has] = timeAxes.map(hasName);
    return has === undefined ? `None, 0, 1${B}` : `None if ${has} is None else ${has}.any(0), 0, 1${B}`;
  }
}
