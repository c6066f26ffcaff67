/**
 * The identity of a model, which a checkpoint records: it tells whether two models are the same and, if not, what differs.
 *
 * Whether they are the same follows from their structural hashes. But when an equation changes, so do the hashes of everything
 * computed from it, down to the loss. So to say what differs, each equation is also hashed separately: as it is written, with names
 * for the states, sites and outputs that it reads.
 */
import type { Identity } from "../runtime/plan.ts";
import { hash } from "./hash.ts";
import type { Graph, Op, OpOf, Result, Value } from "./ir/types.ts";
import type { SiteInfo } from "./semantics/sites.ts";
import { GraphHasher, resultHashes, type ValueHashes } from "./structural-hash.ts";

/** A tensor that a checkpoint of a model holds. */
interface Saved {
  readonly name: string;
  readonly shape: readonly number[];
  readonly role: { readonly kind: string; readonly constant?: true };
}

/**
 * The identity of `graph`, as elaborated, whose checkpoints hold `saved`. `dims`: a number for each dimension except `batch`, `time`
 * and `steps`. `sites` has the words in which its norms were placed.
 */
export function identityOf(
  graph: Graph,
  dims: Readonly<Record<string, number>>,
  saved: readonly Saved[],
  sites: readonly SiteInfo[] = [],
): Identity {
  const results = [...resultHashes(graph, dims)];
  const outputs = results.filter(([{ kind }]) => kind === "output").map(([{ name }, digest]) => [name, digest]);
  const measured = results.filter(([{ kind }]) => kind === "loss" || kind === "metric");
  const kept = saved.map(({ name, shape, role }) => JSON.stringify([name, shape, role.constant ? "const" : role.kind]));
  const constants = saved.flatMap(({ name, role }) => (role.constant ? [[`const ${name}`, "const"]] : []));
  return {
    fingerprint: hash(JSON.stringify([outputs.sort(), kept.sort()])),
    measures: Object.fromEntries(measured.map(([result, digest]) => [resultText(result), digest])),
    equations: { ...new EquationHasher(graph, dims, sites).equations(), ...Object.fromEntries(constants) },
  };
}

/** `output h`, `loss`, `metric accuracy`. */
const resultText = ({ kind, name }: Result): string => (kind === "loss" ? kind : `${kind} ${name}`);

/** Half a hash is enough to compare the equations of two models that are known to differ. */
const short = (digest: string): string => digest.slice(0, 8);

/** Hashes each equation separately. */
class EquationHasher extends GraphHasher {
  readonly #sites: ReadonlyMap<string, SiteInfo>;
  readonly #found = new Map<string, string>();
  /** The names of the states that each value is the next value of. */
  readonly #next = new Map<Value, string[]>();
  #scans = 0;

  constructor(graph: Graph, dims: Readonly<Record<string, number>>, sites: readonly SiteInfo[]) {
    super(graph, dims);
    this.#sites = new Map(sites.map((site) => [site.name, site]));
  }

  equations(): Readonly<Record<string, string>> {
    const hashes = this.hashes();
    for (const result of this.graph.results) this.#found.set(resultText(result), short(hashes.get(result.value)!));
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

  protected override digestOf(value: Value, digest: string): string {
    const states = this.#next.get(value);
    if (states === undefined) return digest;
    for (const state of states) this.#found.set(`state ${state}`, short(digest));
    return hash(`next ${states[0]}`);
  }

  protected override scan(scan: OpOf<"scan">, hashes: ValueHashes): readonly string[] {
    this.#scans++;
    const { params, ops, results } = scan.body!;
    const { states, reverse } = scan.attrs;
    const within: ValueHashes = new Map(hashes);
    const names = params.slice(0, states).map((p, i) => this.#stateName(p.name || String(i + 1)));
    for (const [i, v] of scan.operands.entries()) {
      const digest = hashes.get(v)!;
      within.set(params[i], i < states ? hash(`state ${names[i]}`) : hash(`at ${digest}`));
      if (i < states) this.#found.set(`first ${names[i]}`, short(digest));
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

  /** States of the second scan and later ones may have names that are taken. */
  #stateName(name: string): string {
    return this.#scans === 1 ? name : `${name} of scan ${this.#scans}`;
  }
}

/** `group(groups = 4, eps = 1e-5)`; empty if it is not known how the norm was placed. */
function normText(site: SiteInfo | undefined): string {
  if (site?.norm === undefined) return "";
  const args = Object.entries(site.norm.args).map(([name, text]) => `${name} = ${text.replace(/\s+/g, " ")}`);
  return `${site.norm.name}(${args.join(", ")})`;
}
