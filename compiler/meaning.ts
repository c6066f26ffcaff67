/**
 * What a graph computes, as hashes: of each value, of what it is computed from. Two values have one hash if they are made of the
 * same leaves by the same ops with the same attributes. So a hash says nothing of names of values, of what stands before what,
 * of sites where no norm stands, of batch and sequence length; and it changes with every constant, axis and first state.
 *
 * - **Dimensions are numbers**: an extent is what `dims` make of it; `batch`, `time` and `steps` stay names.
 * - **Leaves have their names**: those of parameters, statistics, inputs and noise mean something outside. How a parameter begins
 *   does not count: what is read from a checkpoint takes its place.
 * - **States have none.** They begin as what they are initialised with, and are told apart by their equations in rounds, until
 *   no round tells further ones apart (partition refinement, Hopcroft 1971). States that stay alike are equal at every step.
 */

import { hash } from "./hash.ts";
import * as dim from "./ir/dim.ts";
import { rowOf } from "./ir/ops.ts";
import type { Graph, Op, OpName, OpOf, Result, Value } from "./ir/types.ts";

type Dims = Readonly<Record<string, number>>;

/** What a value means, by value. */
export type Marks = Map<Value, string>;

/** The meaning of each result. `dims`: a number for each dimension but `batch`, `time` and `steps`. */
export function meaningOf(graph: Graph, dims: Dims): ReadonlyMap<Result, string> {
  const reader = new MeaningReader(graph, dims);
  const marks = reader.read();
  return new Map(graph.results.map((result) => [result, marks.get(result.value)!]));
}

/** Marks the values of a graph from its leaves on. */
export class MeaningReader {
  protected readonly graph: Graph;
  readonly #dims: Dims;
  /** Of attributes, which are read again in each round over a body. */
  readonly #texts = new WeakMap<object, string>();

  constructor(graph: Graph, dims: Dims) {
    this.graph = graph;
    this.#dims = dims;
  }

  read(): Marks {
    const marks: Marks = new Map();
    this.block(this.graph.ops, marks);
    return marks;
  }

  /** Marks what `ops` make; or only what they make of `changed` values, to which it adds what it marked otherwise. */
  protected block(ops: readonly Op[], marks: Marks, changed?: Set<Value>): void {
    for (const op of ops) {
      // A body may read values that are no operands of its scan.
      if (changed !== undefined && op.body === undefined && !op.operands.some((v) => changed.has(v))) continue;
      const made = this.#results(op, marks);
      for (const [i, result] of op.results.entries()) {
        const mark = this.marked(result, made[i]);
        if (marks.get(result) !== mark) changed?.add(result);
        marks.set(result, mark);
      }
    }
  }

  /** The mark that a value gets which means `mark`. */
  protected marked(_value: Value, mark: string): string {
    return mark;
  }

  #results(op: Op, marks: Marks): readonly string[] {
    if (op.op === "scan") return this.scan(op, marks);
    const operands = op.operands.map((v) => marks.get(v)!);
    if (op.op === "site") return [this.site(op, operands[0])];
    const ordered = rowOf(op.op).commutative ? operands.toSorted() : operands;
    const made = hash([op.op, this.#text(op.op, op.attrs), ...ordered].join(" "));
    return op.results.length === 1 ? [made] : op.results.map((_, i) => hash(`${made} ${i}`));
  }

  /** What a site makes of the value behind it. */
  protected site({ attrs: { name } }: OpOf<"site">, x: string): string {
    return this.normalized(name, x);
  }

  /** What the norm at a site, if there is one, makes of `x`. */
  protected normalized(site: string, x: string): string {
    const norm = this.graph.norms.get(site);
    if (norm === undefined) return x;
    const marks: Marks = new Map();
    const input = norm.ops.find((op) => op.op === "leaf" && op.attrs.leaf.kind === "input");
    for (const value of input?.results ?? []) marks.set(value, x);
    this.block(
      norm.ops.filter((op) => op !== input),
      marks,
    );
    return marks.get(norm.results[0].value)!;
  }

  protected scan(scan: OpOf<"scan">, marks: Marks): readonly string[] {
    const { states, reverse } = scan.attrs;
    const { params, ops, results } = scan.body!;
    const inner: Marks = new Map(marks);
    for (const [i, v] of scan.operands.entries()) {
      inner.set(params[i], hash(`${i < states ? "state" : "at"} ${marks.get(v)}`));
    }
    const all = params.slice(0, states);
    const nextOf = (i: number): string => inner.get(results[i])!;
    this.block(ops, inner);
    for (;;) {
      const known = all.map((state) => inner.get(state)!);
      const next = all.map((_, i) => nextOf(i));
      const told = toldApart(known, next);
      const changed = new Set(all.filter((_, i) => told[i] !== known[i]));
      if (changed.size === 0) {
        // What states of each mark become: with it, those of one mark in two graphs are equal at every step.
        const becomes = new Set(known.map((mark, i) => `${mark} ${next[i]}`));
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
    const text = this.#canonical(rowOf(op).attributes.replace(attrs as never, { extent: (of) => new Extent(of) }), "");
    this.#texts.set(attrs, text);
    return text;
  }

  /** As JSON, but with keys in order, numbers as they are, and extents as what `dims` make of them. */
  #canonical(value: unknown, key: string): string {
    if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
    if (typeof value === "string") return JSON.stringify(value);
    if (value instanceof Extent) return this.#bound(dim.parse(value.text));
    if (Array.isArray(value)) {
      const items = value.map((item) => (isDim(item) ? this.#bound(item) : this.#canonical(item, key)));
      return `[${(key === "dims" ? items.sort() : items).join()}]`;
    }
    if (typeof value === "object" && value !== null) {
      const entries = Object.entries(value).filter(([name, of]) => name !== "init" && of !== undefined);
      return `{${entries.map(([name, of]) => `${name}:${this.#canonical(of, name)}`).sort()}}`;
    }
    return String(value);
  }

  /** `dims` put in. */
  #bound(d: dim.Dim): string {
    const terms = d.map(({ num, den, vars }) => {
      const known = vars.reduce((product, name) => product * (this.#dims[name] ?? 1), num);
      return [{ num: known, den, vars: vars.filter((name) => this.#dims[name] === undefined) }];
    });
    return dim.show(terms.reduce(dim.add, []));
  }
}

/**
 * New marks for states: of those with one mark that become different things, the largest part keeps it, if there is one (Hopcroft's
 * smaller half, so that a round has little to do), and the others get one each of what they become.
 */
function toldApart(marks: readonly string[], next: readonly string[]): readonly string[] {
  const counts = new Map<string, Map<string, number>>();
  for (const [i, mark] of marks.entries()) {
    const parts = counts.get(mark) ?? new Map<string, number>();
    counts.set(mark, parts.set(next[i], (parts.get(next[i]) ?? 0) + 1));
  }
  const keeps = new Map(
    [...counts].map(([mark, parts]) => {
      const [[largest, count], second] = [...parts].sort(([, a], [, b]) => b - a);
      return [mark, second?.[1] === count ? undefined : largest];
    }),
  );
  return marks.map((mark, i) => (next[i] === keeps.get(mark) ? mark : hash(`${mark} ${next[i]}`)));
}

/** A text in attributes that is an extent. */
class Extent {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const isDim = (value: unknown): value is dim.Dim =>
  Array.isArray(value) && value.every((term) => typeof term === "object" && term !== null && "vars" in term);
