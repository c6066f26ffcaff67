/** Inference step by step: what a stream gives is what the whole sequence gives. */

import { describe, expect, it } from "vitest";
import { plainTargets } from "../../cli/targets.ts";
import { compileGraph } from "../../compiler/compile.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { streamed } from "../../compiler/lower.ts";
import type { Backend } from "../../runtime/backend.ts";
import { elementsOf } from "../../runtime/layout.ts";
import type { EntryName, Executable } from "../../runtime/plan.ts";
import { Session } from "../../runtime/session.ts";
import type { Stream } from "../../runtime/stream.ts";
import { wasmBackend } from "../../runtime/wasm/wasm.ts";
import { uniform } from "../ir/numbers.ts";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { lstmText } from "./lstm-text.ts";

/** What is kept of a step, in f32, may be rounded in another order than over a whole sequence. */
const tolerance = 1e-6;

const cell = (norm: string): string => lstmText(norm, { name: "c", first: "noise(0.1)" });

/** Two layers, a readout of the last step and one of each, and noise in each. */
const stacked = `${cell("batch(gamma = 0.5)")}
model m(D = 3, H = 4) {
  param V : [H, 2] = orthogonal
  input x : [D] over time
  target y : index(2)
  below = scan c(D, H) over x
  hs = scan c(H, H) over below + 0.1
  logits = last(hs) @ V
  output hs, logits
  loss cross_entropy(logits, y)
  metric accuracy = correct(logits, y)
}
`;

const noisy = `cell n(D = 3, H = 4) {
  param W : [D, H] = orthogonal
  input x : [D]
  state h : [H] = 0
  h' = 0.5 * h + x @ W + noise(0.3, [H])
  output h'
}
`;

/** What is chosen, counted, and computed by functions of the prelude. */
const chosen = `cell k(D = 3, H = 4) {
  param W : [D, H] = orthogonal
  input x : [D]
  state h : [H] = 0.1
  state clock : [1] = 0
  clock' = clock + 1
  a = gelu(x @ W) + 0.1 * range(H, 1, -0.5)
  h' = where(mod(clock, 1 + range(H)) < 1 and not (h > 2), log1p(h^2) + silu(a), h)
  output h'
}
`;

const texts: Readonly<Record<string, string>> = {
  "statistics of each step": cell("batch"),
  "shared statistics": cell("batch(stats = shared)"),
  "batch renormalization": cell("batch_renorm(stats = per_step(2))"),
  "layer norm": cell("layer"),
  "two layers and a readout": stacked,
  "noise in each step": noisy,
  "choices and counting": chosen,
};

const D = 3;
/** Statistics are of three steps; sequences are longer. */
const [rows, T] = [3, 6];

function executable(
  text: string,
  batch: number,
  place: keyof typeof places,
  entries?: readonly EntryName[],
): Executable {
  const { graph, dims } = compile(text);
  return compileGraph(graph, { dims, path: "main.cell", batch, time: rows, entries }, places[place].target);
}

const x = (examples: number, steps = T): Float32Array => {
  const random = uniform(5);
  return Float32Array.from({ length: steps * examples * D }, () => 2 * random() - 1);
};
const stepOf = (all: Float32Array, examples: number, t: number): Float32Array =>
  all.subarray(t * examples * D, (t + 1) * examples * D);

/** With statistics that differ from row to row, the first as of states that hardly differ. */
async function opening(made: Executable, backend: Backend): Promise<Session> {
  const session = await Session.open(made, backend, { seed: 3 });
  const random = uniform(9);
  const stats = made.plan.entries.infer!.tensors.filter(({ role }) => role.kind === "stat");
  for (const { name, role, shape } of stats) {
    const n = elementsOf(shape) * (role.kind === "stat" ? role.steps : 1);
    const small = (i: number): number => (i < elementsOf(shape) ? 1e-3 : 0.3);
    await session.write(
      name,
      Float32Array.from({ length: n }, (_, i) => small(i) * (0.5 + random())),
    );
  }
  return session;
}

const whole = async (session: Session, examples: number) => {
  const targets = session.plan.entries.infer!.tensors.filter(
    ({ role, name }) => (role.kind === "input" || role.kind === "index") && name !== "x",
  );
  const others = Object.fromEntries(targets.map(({ name }) => [name, null]));
  const batch = { steps: T, examples, inputs: { ...others, x: x(examples) } };
  return (await session.infer(batch, { noise: "drawn" })).outputs;
};

async function stepped(stream: Stream, from = 0, to = T): Promise<readonly Readonly<Record<string, Float32Array>>[]> {
  const made = [];
  for (let t = from; t < to; t++) made.push(await stream.next({ x: stepOf(x(stream.examples), stream.examples, t) }));
  return made;
}

describe.each(plainTargets)(
  "on %s a stream gives what the whole sequence gives, and goes on after the last statistic:",
  (place) => {
    const backend = opened(places[place]);
    // A shader compiler takes its time.
    const some = Object.keys(texts).filter((name) => place === "wasm" || /each|readout/.test(name));
    const sizes = place === "wasm" ? [1, 8] : [2];

    it.each(some.flatMap((name) => sizes.map((n) => [name, n] as const)))(
      "%s, %i at a time",
      async (name, examples) => {
        const made = executable(texts[name], examples, place, ["infer", "step"]);
        const session = await opening(made, backend());
        const truth = await whole(session, examples);
        // Another session's first draw of noise is the same.
        const other = await opening(made, backend());
        const stream = await other.stream({ noise: "drawn" });
        const steps = await stepped(stream);
        expect(stream.step).toBe(T);
        for (const [output, values] of Object.entries(truth)) {
          const last = steps[T - 1][output];
          const all = last.length === values.length ? [last] : steps.map((s) => s[output]);
          expect(relativeError(values, Float64Array.from(all.flatMap((s) => [...s]))), output).toBeLessThan(tolerance);
        }
        session.close();
        other.close();
      },
    );
  },
);

describe("a stream", () => {
  const backend = opened(places.wasm);
  const text = texts["statistics of each step"];
  const made = executable(text, 1, "wasm");
  const values = (steps: readonly Readonly<Record<string, Float32Array>>[]): readonly number[] =>
    steps.flatMap(({ h }) => [...h]);

  it("has the bits of the whole sequence, where statistics are of each step", async () => {
    const [session, other] = [await opening(made, backend()), await opening(made, backend())];
    expect(values(await stepped(await other.stream({ noise: "drawn" })))).toEqual([...(await whole(session, 1)).h]);
  });

  it("saved and restored between any two steps, also in another session, goes on with the same bits", async () => {
    const session = await opening(made, backend());
    const truth = values(await stepped(await session.stream()));
    for (let cut = 0; cut < T; cut += 2) {
      const [first, other] = [await opening(made, backend()), await opening(made, backend())];
      const stream = await first.stream();
      const before = await stepped(stream, 0, cut);
      const saved = await stream.state();
      expect([saved.step, [...saved.tensors.keys()].sort()]).toEqual([cut, ["state/c", "state/h"]]);
      // What the first does afterwards does not change what was saved.
      await stepped(stream, cut, cut + 1);
      const next = await other.stream();
      await next.restore(saved);
      expect(values([...before, ...(await stepped(next, cut))])).toEqual(truth);
    }
  });

  it("is not disturbed by another, by training in between steps nor by calls that interfere", async () => {
    const session = await opening(made, backend());
    const truth = values(await stepped(await session.stream()));
    const again = await opening(made, backend());
    const stream = await again.stream();
    const other = await again.stream();
    const steps: Readonly<Record<string, Float32Array>>[] = [];
    for (let t = 0; t < T; t += 2) {
      const pair = [t, t + 1].map((s) => stream.next({ x: stepOf(x(1), 1, s) }));
      const aside = other.next({ x: Float32Array.of(9, -9, 9) });
      steps.push(...(await Promise.all(pair)));
      await aside;
      await whole(again, 1);
    }
    expect(values(steps)).toEqual(truth);
  });

  it("has the same bits on several threads", async () => {
    const several = wasmBackend({ threads: 3, simd: "plain", costs: { barrier: 0, start: 0 } });
    try {
      const wide = executable(text.replaceAll("H = 4", "H = 40"), 1, "wasm", ["infer", "step"]);
      const [one, three] = [await opening(wide, backend()), await opening(wide, several)];
      expect(values(await stepped(await three.stream()))).toEqual(values(await stepped(await one.stream())));
      expect(several.threads).toBe(3);
    } finally {
      several.close();
    }
  });

  it("of another number of examples runs on an executable attached for them", async () => {
    const session = await opening(made, backend());
    await session.attach(executable(text, 2, "wasm", ["infer", "step"]));
    expect((await (await session.stream({ examples: 2 })).next({ x: x(2, 1) })).h.length).toBe(2 * 4);
    await expect(session.stream({ examples: 3 })).rejects.toMatchObject({ code: "C0406" });
  });

  it("reset begins before the first step, with noise of its own", async () => {
    const stream = await (await opening(made, backend())).stream({ noise: "drawn" });
    const first = await stream.state();
    await stepped(stream, 0, 2);
    await stream.reset();
    const again = await stream.state();
    expect([stream.step, again.tensors.get("state/c")]).toEqual([0, first.tensors.get("state/c")]);
    expect(again.tensors.get("state/h")).not.toEqual(first.tensors.get("state/h"));
  });

  it("warns of a count that is set back while the state is carried on, unless all steps have the same statistics", async () => {
    const warnings: string[] = [];
    const warn = (text: string): void => void warnings.push(text);
    const stream = await (await opening(made, backend())).stream({ warn });
    await stepped(stream);
    const saved = await stream.state();
    await stream.restore(saved);
    await stream.restore(saved, { at: rows - 1 });
    expect(warnings).toEqual([]);
    await stream.restore(saved, { at: 0 });
    expect(warnings).toEqual([expect.stringMatching(/^warning\[W0608\]: c .*step 6.*step 0/)]);
    expect(stream.step).toBe(0);
    const plain = await (await opening(executable(texts["shared statistics"], 1, "wasm"), backend())).stream({ warn });
    await stepped(plain, 0, 2);
    await plain.restore(await plain.state(), { at: 0 });
    expect(warnings.length).toBe(1);
  });

  it("refuses a state of another model or size, and a step that fails leaves it where it was", async () => {
    const stream = await (await opening(made, backend())).stream();
    const saved = await stream.state();
    await expect(stream.restore({ ...saved, fingerprint: "0" })).rejects.toMatchObject({ code: "C0403" });
    await expect(stream.restore({ ...saved, tensors: new Map() })).rejects.toMatchObject({ code: "C0406" });
    await expect(stream.restore(saved, { at: 0.5 })).rejects.toMatchObject({ code: "C0406" });
    await expect(stream.next({})).rejects.toMatchObject({ code: "C0406" });
    expect(await stream.state()).toEqual(saved);
  });

  it("of a model whose statistics were never collected is refused", async () => {
    const session = await Session.open(made, backend(), { seed: 1 });
    await expect(session.stream()).rejects.toMatchObject({ code: "C0501" });
  });
});

describe("a model that waits for the whole sequence has no stream:", () => {
  const model = (equations: string): string => `${cellOf}
model m(D = 3, H = 4) { input x : [D] over time\n${equations}\nloss mse(sum(y, over feature), 0) }`;
  const cellOf = cell("layer");

  it.each([
    ["hs = scan c(D, H) over x reverse\ny = last(hs)\noutput y", /from the last step to the first/],
    ["hs = scan c(D, H) over x\ny = mean(hs, over time)\noutput y", /`y`|over all steps|number of steps/],
    ["hs = scan c(D, H) over x\ny = first(hs)\noutput y", /first step/],
    [
      "hs = scan c(D, H) over x\ny = scan c(D, H) over x + sum(last(hs), over feature)\noutput y",
      /what the last one makes/,
    ],
  ])("%s", (equations, reason) => {
    const text = model(equations);
    const { graph } = compile(text);
    expect(streamed(graph)).toMatchObject({ refused: expect.stringMatching(reason) });
    expect(() => executable(text, 1, "wasm", ["step"])).toThrow(/C0308.*cannot be run step by step/s);
    // Unasked, it is left out.
    expect(Object.keys(executable(text, 1, "wasm").plan.entries)).toEqual(["train", "estimate", "infer", "update"]);
  });

  it("but not one whose loss alone does", () => {
    const text = model("hs = scan c(D, H) over x\ny = mean(hs, over time)\noutput hs");
    expect(Object.keys(executable(text, 1, "wasm").plan.entries)).toEqual([
      "train",
      "estimate",
      "infer",
      "update",
      "start",
      "step",
    ]);
  });
});
