/**
 * A structural hash of what a graph computes. Each value gets a hash of the op and the operands it is computed from, so two values
 * have the same hash if they are computed from the same leaves by the same ops with the same attributes. Names of values, the order
 * of ops, sites without a norm, batch size and sequence length do not change a hash; every constant, axis and initial state does.
 *
 * - **Dimensions are numbers**: `dims` is substituted into extents; `batch`, `time` and `steps` stay names.
 * - **Leaves have their names**: those of parameters, statistics, inputs and noise mean something outside. Initialisers do not
 *   count, since a checkpoint replaces the initial values; nor does whether a parameter is trained.
 * - **States have no names.** Their hashes start as those of their initial values and are refined by their equations in rounds, until
 *   a round no longer separates any (partition refinement, Hopcroft 1971). States that are never separated are equal at every step.
 */

import { hash } from "./hash.ts";
import * as dim from "./ir/dim.ts";
import { rowOf } from "./ir/ops.ts";
import type { Graph, Op, OpName, OpOf, Result, Value } from "./ir/types.ts";

type Dims = Readonly<Record<string, number>>;

/** The hash of each value. */
export type ValueHashes = Map<Value, string>;

/** The hash of each result. `dims`: a number for each dimension except `batch`, `time` and `steps`. */
export function resultHashes(graph: Graph, dims: Dims): ReadonlyMap<Result, string> {
  const hasher = new GraphHasher(graph, dims);
  const hashes = hasher.hashes();
  return new Map(graph.results.map((result) => [result, hashes.get(result.value)!]));
}

/** Hashes the values of a graph, from its leaves on. */
export class GraphHasher {
  protected readonly graph: Graph;
  readonly #dims: Dims;
  /** The texts of attributes, which each round over a body needs again. */
  readonly #texts = new WeakMap<object, string>();

  constructor(graph: Graph, dims: Dims) {
    this.graph = graph;
    this.#dims = dims;
  }

  hashes(): ValueHashes {
    const hashes: ValueHashes = new Map();
    this.block(this.graph.ops, hashes);
    return hashes;
  }

  /** Hashes the results of `ops`, or only what depends on `changed` values, to which it adds those whose hash changes. */
  protected block(ops: readonly Op[], hashes: ValueHashes, changed?: Set<Value>): void {
    for (const op of ops) {
      // A body may read values that are not operands of its scan.
      if (changed !== undefined && op.body === undefined && !op.operands.some((v) => changed.has(v))) continue;
      const made = this.#results(op, hashes);
      for (const [i, result] of op.results.entries()) {
        const digest = this.digestOf(result, made[i]);
        if (hashes.get(result) !== digest) changed?.add(result);
        hashes.set(result, digest);
      }
    }
  }

  /** The hash that a value gets in place of its structural hash `digest`. */
  protected digestOf(_value: Value, digest: string): string {
    return digest;
  }

  #results(op: Op, hashes: ValueHashes): readonly string[] {
    if (op.op === "scan") return this.scan(op, hashes);
    const operands = op.operands.map((v) => hashes.get(v)!);
    if (op.op === "site") return [this.site(op, operands[0])];
    const ordered = rowOf(op.op).commutative ? operands.toSorted() : operands;
    const made = hash([op.op, this.#text(op.op, op.attrs), ...ordered].join(" "));
    return op.results.length === 1 ? [made] : op.results.map((_, i) => hash(`${made} ${i}`));
  }

  /** The hash of a site's result, given that of its operand. */
  protected site({ attrs: { name } }: OpOf<"site">, x: string): string {
    return this.normalized(name, x);
  }

  /** The hash of `x` after the norm at a site, if there is one. */
  protected normalized(site: string, x: string): string {
    const norm = this.graph.norms.get(site);
    if (norm === undefined) return x;
    const hashes: ValueHashes = new Map();
    const input = norm.ops.find((op) => op.op === "leaf" && op.attrs.leaf.kind === "input");
    for (const value of input?.results ?? []) hashes.set(value, x);
    this.block(
      norm.ops.filter((op) => op !== input),
      hashes,
    );
    return hashes.get(norm.results[0].value)!;
  }

  protected scan(scan: OpOf<"scan">, hashes: ValueHashes): readonly string[] {
    const { states, reverse } = scan.attrs;
    const { params, ops, results } = scan.body!;
    const inner: ValueHashes = new Map(hashes);
    for (const [i, v] of scan.operands.entries()) {
      inner.set(params[i], hash(`${i < states ? "state" : "at"} ${hashes.get(v)}`));
    }
    const all = params.slice(0, states);
    const nextOf = (i: number): string => inner.get(results[i])!;
    this.block(ops, inner);
    for (;;) {
      const known = all.map((state) => inner.get(state)!);
      const next = all.map((_, i) => nextOf(i));
      const told = refine(known, next);
      const changed = new Set(all.filter((_, i) => told[i] !== known[i]));
      if (changed.size === 0) {
        // The next hash of each hash of a state: with it, states with the same hash in two graphs are equal at every step.
        const becomes = new Set(known.map((digest, i) => `${digest} ${next[i]}`));
        const loop = hash(["scan", String(reverse), ...[...becomes].sort()].join(" "));
        return scan.results.map((_, i) => hash(`${i < states ? "last" : "step"} ${loop} ${nextOf(i)}`));
      }
      for (const [i, state] of all.entries()) inner.set(state, told[i]);
      this.block(ops, inner, changed);
    }
  }

  #text(op: OpName, attrs: object): string {
    const known = this.#texts.get(attrs);
    if (known !== undefined) return known;
    const text = this.#canonical(
      rowOf(op).attributes.replace(attrs as never, { extent: (of) => new ExtentText(of) }),
      "",
    );
    this.#texts.set(attrs, text);
    return text;
  }

  /** Like JSON, but with sorted keys, exact numbers, and `dims` substituted into extents. */
  #canonical(value: unknown, key: string): string {
    if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
    if (typeof value === "string") return JSON.stringify(value);
    if (value instanceof ExtentText) return this.#bound(dim.parse(value.text));
    if (Array.isArray(value)) {
      const items = value.map((item) => (isDim(item) ? this.#bound(item) : this.#canonical(item, key)));
      return `[${(key === "dims" ? items.sort() : items).join()}]`;
    }
    if (typeof value === "object" && value !== null) {
      const entries = Object.entries(value).filter(([name, of]) => !initial.has(name) && of !== undefined);
      return `{${entries.map(([name, of]) => `${name}:${this.#canonical(of, name)}`).sort()}}`;
    }
    return String(value);
  }

  /** An extent with `dims` substituted. */
  #bound(d: dim.Dim): string {
    return dim.show(dim.substitute(d, this.#dims));
  }
}

/**
 * New hashes for states. If states with the same hash have different next hashes, the largest group keeps it if there is one
 * (Hopcroft's smaller half, so that a round has little to do), and each other group gets a hash of its next hash.
 */
function refine(hashes: readonly string[], next: readonly string[]): readonly string[] {
  const counts = new Map<string, Map<string, number>>();
  for (const [i, digest] of hashes.entries()) {
    const parts = counts.get(digest) ?? new Map<string, number>();
    counts.set(digest, parts.set(next[i], (parts.get(next[i]) ?? 0) + 1));
  }
  const keeps = new Map(
    [...counts].map(([digest, parts]) => {
      const [[largest, count], second] = [...parts].sort(([, a], [, b]) => b - a);
      return [digest, second?.[1] === count ? undefined : largest];
    }),
  );
  return hashes.map((digest, i) => (next[i] === keeps.get(digest) ? digest : hash(`${digest} ${next[i]}`)));
}

/** Attributes of parameters that do not change what is computed from them. */
const initial: ReadonlySet<string> = new Set(["init", "constant"]);

/** Wraps a text in attributes that is an extent. */
class ExtentText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const isDim = (value: unknown): value is dim.Dim =>
  Array.isArray(value) && value.every((term) => typeof term === "object" && term !== null && "vars" in term);
