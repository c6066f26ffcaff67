/**
 * The identity of a model, which a checkpoint carries: whether two are the same, and where they are not, what differs.
 *
 * The first is `meaning.ts`'s to say. But what is computed from an equation that changed changes with it, down to the loss, so to
 * say what differs each equation is hashed for itself: as it is written, where the states, sites and outputs it reads are names.
 */
import type { Identity } from "../runtime/plan.ts";
import { hash } from "./hash.ts";
import type { Graph, Op, OpOf, Result, Value } from "./ir/types.ts";
import { type Marks, MeaningReader, meaningOf } from "./meaning.ts";
import type { SiteInfo } from "./semantics/sites.ts";

/** What a checkpoint holds of a model, by name. */
interface Held {
  readonly name: string;
  readonly shape: readonly number[];
  readonly role: { readonly kind: string };
}

/**
 * The identity of `graph`, as it was elaborated, whose checkpoints hold `held`. `dims`: a number for each dimension but `batch`,
 * `time` and `steps`. `sites`: with what words its norms were placed.
 */
export function identityOf(
  graph: Graph,
  dims: Readonly<Record<string, number>>,
  held: readonly Held[],
  sites: readonly SiteInfo[] = [],
): Identity {
  const meanings = [...meaningOf(graph, dims)];
  const outputs = meanings.filter(([{ kind }]) => kind === "output").map(([{ name }, mark]) => [name, mark]);
  const measured = meanings.filter(([{ kind }]) => kind === "loss" || kind === "metric");
  const kept = held.map(({ name, shape, role }) => JSON.stringify([name, shape, role.kind]));
  return {
    fingerprint: hash(JSON.stringify([outputs.sort(), kept.sort()])),
    measures: Object.fromEntries(measured.map(([result, mark]) => [resultText(result), mark])),
    equations: new EquationReader(graph, dims, sites).equations(),
  };
}

/** `output h`, `loss`, `metric accuracy`. */
const resultText = ({ kind, name }: Result): string => (kind === "loss" ? kind : `${kind} ${name}`);

/** Half a hash: they only say which equation it is, of two models that are known to differ. */
const short = (mark: string): string => mark.slice(0, 8);

/** Reads each equation for itself. */
class EquationReader extends MeaningReader {
  readonly #sites: ReadonlyMap<string, SiteInfo>;
  readonly #found = new Map<string, string>();
  /** Next values of states, by what they are called. */
  readonly #next = new Map<Value, string[]>();
  #scans = 0;

  constructor(graph: Graph, dims: Readonly<Record<string, number>>, sites: readonly SiteInfo[]) {
    super(graph, dims);
    this.#sites = new Map(sites.map((site) => [site.name, site]));
  }

  equations(): Readonly<Record<string, string>> {
    const marks = this.read();
    for (const result of this.graph.results) this.#found.set(resultText(result), short(marks.get(result.value)!));
    return Object.fromEntries(this.#found);
  }

  protected override site({ attrs: { name } }: OpOf<"site">, x: string): string {
    this.#found.set(`site ${name}`, short(x));
    if (this.graph.norms.has(name)) {
      const words = [short(this.normalized(name, "x")), normText(this.#sites.get(name))];
      this.#found.set(`norm ${name}`, words.filter((word) => word !== "").join(" "));
    }
    return hash(`site ${name}`);
  }

  protected override marked(value: Value, mark: string): string {
    const states = this.#next.get(value);
    if (states === undefined) return mark;
    for (const state of states) this.#found.set(`state ${state}`, short(mark));
    return hash(`next ${states[0]}`);
  }

  protected override scan(scan: OpOf<"scan">, marks: Marks): readonly string[] {
    this.#scans++;
    const { params, ops, results } = scan.body!;
    const { states, reverse } = scan.attrs;
    const within: Marks = new Map(marks);
    const names = params.slice(0, states).map((p, i) => this.#stateName(p.name || String(i + 1)));
    for (const [i, v] of scan.operands.entries()) {
      const mark = marks.get(v)!;
      within.set(params[i], i < states ? hash(`state ${names[i]}`) : hash(`at ${mark}`));
      if (i < states) this.#found.set(`first ${names[i]}`, short(mark));
    }
    const own = new Set(ops.flatMap((op: Op) => op.results));
    for (const [i, name] of names.entries()) {
      const value = results[i];
      if (own.has(value)) this.#next.set(value, [...(this.#next.get(value) ?? []), name]);
      else this.#found.set(`state ${name}`, short(within.get(value)!));
    }
    this.block(ops, within);
    const loop = `scan ${this.#scans}`;
    this.#found.set(`direction ${loop}`, reverse ? "reverse" : "forward");
    return results.map((v, i) => hash(`${i < states ? "last" : "step"} ${loop} ${within.get(v)}`));
  }

  /** States of the second loop and those behind it may have names that are taken. */
  #stateName(name: string): string {
    return this.#scans === 1 ? name : `${name} of scan ${this.#scans}`;
  }
}

/** `group(groups = 4, eps = 1e-5)`; nothing where it is not known how the norm was placed. */
function normText(site: SiteInfo | undefined): string {
  if (site?.norm === undefined) return "";
  const args = Object.entries(site.norm.args).map(([name, text]) => `${name} = ${text.replace(/\s+/g, " ")}`);
  return `${site.norm.name}(${args.join(", ")})`;
}
