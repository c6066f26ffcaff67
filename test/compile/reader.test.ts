/**
 * The Attentive Reader of `examples/paper/reader.cell`, in the paper's five variants: against a program written by hand, and with its
 * gradients against differences and on WebAssembly, where documents and questions differ in length.
 */
import { describe, expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import { placeName } from "../../compiler/semantics/site-names.ts";
import { opened, places } from "./backends.ts";
import { Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const FILE = "examples/paper/reader.cell";
const [V, K, D, H, B, T] = [7, 4, 3, 2, 4, 5];
/** Steps of documents and of questions. Each step has two examples, for the statistics of a single one are not its own alone. */
const lengths = [5, 1, 3, 5];
const asked = [2, 3, 1, 3];

type Statistics = "step" | "all";

/** Where the paper's variants have norms (section 5.4), and whether their statistics are of each step or of all steps together. */
const variants: Readonly<
  Record<string, { readonly both?: true; readonly norms: Readonly<Record<string, Statistics>> }>
> = {
  lstm_reader: { norms: {} },
  bn_lstm: { norms: { hh: "step", xh: "step", cc: "step" } },
  bn_everywhere: { norms: { hh: "step", xh: "step", cc: "step", ad: "all", aq: "step", gr: "step", gq: "step" } },
  bn_e_star: { norms: { hh: "step", xh: "all", cc: "step", ad: "all", aq: "step", gr: "step", gq: "step" } },
  bidirectional_reader: { both: true, norms: {} },
  bn_e_star_star: {
    both: true,
    norms: { hh: "step", xh: "all", cc: "step", ad: "all", aq: "step", gr: "step", gq: "step" },
  },
};

const study = (entry: string, drop: number): Study => {
  const { graph, dims } = elaborate(FILE, fileHost, { entry, dims: { V, K, D, H, drop } });
  return new Study(graph, {
    dims,
    batch: B,
    time: T,
    lengths,
    lengthsOver: { question: asked },
    seed: 5,
    nearInitial: 0.5,
    // The cell's noise in h has deviation 0 here.
    draw: (leaf, n) => (leaf.kind === "noise" && leaf.distribution === "normal" ? new Float64Array(n) : undefined),
  });
};

type Vector = readonly number[];
/** Of some examples, by their places; at a step only those that have it. */
type Rows = ReadonlyMap<number, Vector>;

const mapped = (rows: Rows, of: (row: Vector, e: number) => Vector): Rows =>
  new Map([...rows].map(([e, row]) => [e, of(row, e)]));
const added = (...rows: readonly Vector[]): Vector => rows[0].map((_, i) => rows.reduce((sum, row) => sum + row[i], 0));
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** The equations of section 1 and of Hermann et al. 2015, with f64 loops and Maps: outputs of a batch in training, without dropout. */
function byHand(entry: string, numbers: Readonly<Record<string, ArrayLike<number>>>) {
  const { both, norms } = variants[entry];
  const times = (x: Vector, name: string): Vector => {
    const width = numbers[name].length / x.length;
    return Array.from({ length: width }, (_, j) => x.reduce((sum, v, i) => sum + v * numbers[name][i * width + j], 0));
  };
  const row = (name: string, at: number, width: number): Vector =>
    Array.from({ length: width }, (_, i) => numbers[name][at * width + i]);

  /** Each of some sets of rows is a step. */
  const normed = (site: string, steps: readonly Rows[]): readonly Rows[] => {
    const statistics = norms[site.split("/").at(-1)!];
    if (statistics === undefined) return steps;
    const over = (rows: readonly Vector[]) => {
      const mean = rows[0].map((_, i) => rows.reduce((sum, one) => sum + one[i], 0) / rows.length);
      const variance = mean.map((m, i) => rows.reduce((sum, one) => sum + (one[i] - m) ** 2, 0) / rows.length);
      return { mean, variance };
    };
    const all = over(steps.flatMap((rows) => [...rows.values()]));
    const eps = site.endsWith("xh") && statistics === "all" ? 1e-6 : 1e-5;
    return steps.map((rows) => {
      const { mean, variance } = statistics === "all" ? all : over([...rows.values()]);
      const gain = numbers[`${site}/g`];
      const shift = numbers[`${site}/k`];
      return mapped(rows, (one) =>
        one.map((x, i) => (gain[i] * (x - mean[i])) / Math.sqrt(variance[i] + eps) + (shift?.[i] ?? 0)),
      );
    });
  };
  const normedOnce = (site: string, rows: Rows): Rows => normed(site, [rows])[0];

  /** The states h after each of an example's own steps, in the order in which they are read. */
  const lstm = (scope: string, words: string, ends: readonly number[], reverse: boolean): readonly Vector[][] => {
    const steps = Array.from({ length: Math.max(...ends) }, (_, t): Rows => {
      const there = ends.flatMap((end, e) => (t < end ? [e] : []));
      return new Map(there.map((e) => [e, row("E", numbers[words][(reverse ? ends[e] - 1 - t : t) * B + e], D)]));
    });
    const xs = normed(
      `${scope}/xh`,
      steps.map((rows) => mapped(rows, (x) => times(x, `${scope}/Wx`))),
    );
    const bias = row(`${scope}/b`, 0, 4 * H);
    const found = ends.map((): Vector[] => []);
    let h: Rows = new Map(ends.map((_, e) => [e, row(`${scope}/h0`, 0, H)]));
    let c: Rows = mapped(h, (x) => x.map(() => 0));
    for (const x of xs) {
      const here: Rows = new Map([...h].filter(([e]) => x.has(e)));
      const hh = normedOnce(
        `${scope}/hh`,
        mapped(here, (of) => times(of, `${scope}/Wh`)),
      );
      const gates = mapped(x, (of, e) => added(of, hh.get(e)!, bias));
      const part = (e: number, at: number, i: number): number => gates.get(e)![at * H + i];
      const before = c;
      const next = mapped(x, (_, e) =>
        Array.from(
          { length: H },
          (_, i) => sigmoid(part(e, 1, i)) * before.get(e)![i] + sigmoid(part(e, 2, i)) * Math.tanh(part(e, 0, i)),
        ),
      );
      const cc = normedOnce(`${scope}/cc`, next);
      const output = mapped(x, (_, e) => cc.get(e)!.map((v, i) => sigmoid(part(e, 3, i)) * Math.tanh(v)));
      for (const [e, value] of output) found[e].push(value);
      c = new Map([...c, ...next]);
      h = new Map([...h, ...output]);
    }
    return found;
  };

  const forward = lstm("reads", "document", lengths, false);
  const back = both && lstm("reads_back", "document", lengths, true).map((of) => of.toReversed());
  const ds = forward.map((of, e) => of.map((h, t) => (back ? [...h, ...back[e][t]] : h)));
  const question = lstm("asks", "question", asked, false);
  const questionBack = both && lstm("asks_back", "question", asked, true);
  const q: Rows = new Map(
    question.map((of, e) => [e, questionBack ? [...of.at(-1)!, ...questionBack[e].at(-1)!] : of.at(-1)!]),
  );
  const ad = normed(
    "ad",
    Array.from(
      { length: T },
      (_, t): Rows => new Map(ds.flatMap((of, e) => (t in of ? [[e, times(of[t], "Ad")]] : []))),
    ),
  );
  const aq = normedOnce(
    "aq",
    mapped(q, (of) => times(of, "Aq")),
  );
  const looks = ds.map((of, e) => {
    const scores = of.map((_, t) =>
      added(ad[t].get(e)!, aq.get(e)!, row("a", 0, H)).reduce((sum, x, i) => sum + Math.tanh(x) * numbers.w[i], 0),
    );
    const weights = scores.map(Math.exp);
    const total = weights.reduce((a, b) => a + b, 0);
    return weights.map((x) => x / total);
  });
  const found: Rows = new Map(ds.map((of, e) => [e, added(...of.map((d, t) => d.map((x) => x * looks[e][t])))]));
  const gr = normedOnce(
    "gr",
    mapped(found, (of) => times(of, "Gr")),
  );
  const gq = normedOnce(
    "gq",
    mapped(q, (of) => times(of, "Gq")),
  );
  const logits = ds.map((_, e) =>
    added(times(added(gr.get(e)!, gq.get(e)!, row("g", 0, H)).map(Math.tanh), "U"), row("u", 0, K)),
  );
  return {
    logits: logits.flat(),
    looks: Array.from({ length: T * B }, (_, i) => looks[i % B][Math.floor(i / B)] ?? 0),
  };
}

describe.each(Object.keys(variants))("%s", (entry) => {
  const backend = opened(places.wasm);

  it("has norms where the paper has them, and no other", () => {
    const { sites } = elaborate(FILE, fileHost, { entry });
    const placed = sites.filter(({ norm }) => norm !== undefined);
    const names = new Set(placed.map(({ name }) => placeName(name).split(".").at(-1)!));
    expect([...names].sort()).toEqual(Object.keys(variants[entry].norms).sort());
    for (const { name, norm } of placed) {
      const of = variants[entry].norms[placeName(name).split(".").at(-1)!];
      expect(norm, name).toMatchObject({ name: of === "all" ? "sequence" : "batch" });
    }
  });

  it("answers as its equations do, without steps that an example lacks", () => {
    const whole = study(entry, 0);
    const wanted = byHand(entry, whole.numbers);
    for (const name of ["logits", "looks"] as const)
      expect(relativeError(wanted[name], whole.reference("train").get(`output:${name}`)!), name).toBeLessThan(1e-9);
  });

  it("has the gradients that differences show, with half of the words' features dropped, also on WebAssembly", async () => {
    const whole = study(entry, 0.5);
    expect(whole.directionError()).toBeLessThan(tolerance.stacked.differences);
    const errors = await whole.targetErrors(places.wasm.target, backend());
    expect(errors.forward).toBeLessThan(tolerance.stacked.forward);
    expect(errors.gradient).toBeLessThan(tolerance.stacked.gradient);
  });
});
