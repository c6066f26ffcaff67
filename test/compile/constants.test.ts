/** Constants: what is drawn or computed once and never trained. */
import { describe, expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { compile as compileFile } from "../../compiler/compile.ts";
import { CompileError } from "../../compiler/diagnostics/diagnostic.ts";
import type { OptimizerChoice } from "../../compiler/optimizers.ts";
import type { CompileOptions } from "../../compiler/options.ts";
import type { Target } from "../../compiler/target.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../runtime/checkpoint.ts";
import { keptTensors } from "../../runtime/layout.ts";
import type { Executable } from "../../runtime/plan.ts";
import { Session } from "../../runtime/session.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { sample, uniform } from "../ir/numbers.ts";
import { compile, files } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const [D, H, B, T] = [3, 4, 5, 6];

/** Constants between parameters, in a product, in a first state and outside of the scan, under a norm. */
const text = (word = "const"): string => `cell c(D = 3, H = 4) {
  const Wx : [D, 4H] = xavier
  param Wh : [H, 4H] = orthogonal
  ${word} A : [H, H] = orthogonal(gain = 0.9)
  const h0 : [H] = 0.1 * range
  param b : [4H] = blocks(1, 0, 0, 0)
  input x : [D]
  state h : [H] = h0
  state k : [H] = 0
  site hh = h @ Wh
  f, i, o, g = split(hh + x @ Wx + b, 4)
  k' = sigmoid(f) * k + sigmoid(i) * tanh(g)
  h' = sigmoid(o) * tanh(k') @ A
  output h'
  place hh : batch(gamma = 0.5)
}
model m(D = 3, H = 4) {
  input x : [D] over time
  target z : [H] over time
  const scale : [H] = [1, 2, 0.5, 1]
  param V : [H, H] = xavier
  hs = scan c(D, H) over x
  y = (hs @ V) * scale
  output y
  loss mse(y, z)
}
`;

const names = ["c/Wx", "c/A", "c/h0", "scale"];

const executableOf = (source: string, options: CompileOptions = {}, target: Target = wasm): Executable =>
  compileFile("main.cell", { batch: B, time: T, ...options }, target, files({ "main.cell": source })).executable;

const batch = () => {
  const random = uniform(3);
  const draw = (n: number) => Float32Array.from(sample(n, [-1, 1], random));
  return { examples: B, steps: T, inputs: { x: draw(T * B * D), z: draw(T * B * H) } };
};

const valuesOf = async (session: Session, some: readonly string[]) =>
  Object.fromEntries(await Promise.all(some.map(async (name) => [name, await session.read(name)] as const)));

const { graph, dims } = compile(text());

describe.each([undefined, [6, 2, 4, 1, 5]])("with sequences of lengths %s", (lengths) => {
  const study = new Study(graph, { dims, batch: B, time: T, seed: 3, lengths });

  it("gradients of parameters agree with differences, and constants have none", () => {
    expect(study.differenceError()).toBeLessThan(tolerance.differences);
    const grads = [...study.reference("train").keys()].filter((key) => key.startsWith("grad:"));
    for (const name of names) expect(grads).not.toContain(`grad:${name}`);
  });

  it.each(Object.values(places))("$name computes what the reference does", async (place) => {
    const backend = await place.open();
    try {
      const { forward, gradient } = await study.targetErrors(place.target, backend);
      expect(forward).toBeLessThan(place.tolerance.forward);
      expect(gradient).toBeLessThan(place.tolerance.gradient);
    } finally {
      backend.close();
    }
  });
});

it("a constant's gradient costs nothing: what only it would need is not computed", () => {
  const work = (word: string): number =>
    new Study(compile(text(word)).graph, { dims, batch: B, time: T }).lowered.entries.train.ops.length;
  expect(work("const")).toBeLessThan(work("param"));
});

it("in segments, the results are those of the whole", async () => {
  const whole = executableOf(text(), { entries: ["train"], time: 40 });
  const bytes = 4 * Object.values(whole.plan.entries.train!.regions).reduce((n, r) => n + r.fixed + r.frame * 41, 0);
  const memory = Math.floor(0.7 * bytes);
  const study = new Study(graph, { dims, batch: B, time: 40, seed: 3, memory, entries: ["train"] });
  expect(study.compile(wasm, ["train"]).plan.entries.train!.regions.work.segment?.length).toBeLessThan(40);
  const backend = await places.wasm.open();
  const { forward, gradient } = await study.targetErrors(wasm, backend, ["train"]);
  expect(forward).toBeLessThan(tolerance.stacked.forward);
  expect(gradient).toBeLessThan(tolerance.stacked.gradient);
  backend.close();
});

const optimizers: readonly OptimizerChoice[] = [
  "sgd",
  "momentum",
  { name: "adamw", weightDecay: 0.1 },
  { name: "adamw", weightDecay: 0.1, decayed: "all" },
];

describe.each([places.wasm, places.wgsl, places.glsl])("trained on $name", (place) => {
  const backend = opened(place);

  it.each(optimizers)(
    "with %j, constants stay the same bit for bit, and parameters move as they do on WebAssembly",
    async (optimizer) => {
      const trained = async (target: Target, on: Awaited<ReturnType<typeof place.open>>) => {
        const executable = executableOf(text(), { optimizer, entries: ["train", "update"] }, target);
        const session = await Session.open(executable, on, { seed: 5 });
        const before = await valuesOf(session, [...names, "c/Wh", "V"]);
        for (let step = 0; step < 4; step++) await session.train(batch(), { lr: 0.05, clip: 0.5 });
        const after = await valuesOf(session, [...names, "c/Wh", "V"]);
        session.close();
        return { before, after };
      };
      const { before, after } = await trained(place.target, backend());
      for (const name of names) expect(after[name], name).toEqual(before[name]);
      const reference = await places.wasm.open();
      const { after: expected } = await trained(wasm, reference);
      reference.close();
      for (const name of ["c/Wh", "V"]) {
        expect(after[name]).not.toEqual(before[name]);
        after[name].forEach((value, i) => {
          expect(Math.abs(value - expected[name][i])).toBeLessThan(tolerance.training);
        });
      }
    },
  );
});

describe("a plan", () => {
  const { plan } = executableOf(text(), { optimizer: "adam" });

  it("has constants after what is trained, without gradients and slots", () => {
    const { tensors, regions } = plan.entries.train!;
    const trained = regions.slot.fixed / 2;
    for (const { name, role, offset } of tensors) {
      if (role.kind === "param") expect(offset >= trained, name).toBe(names.includes(name));
      if (role.kind === "grad") expect(names).not.toContain(role.of);
    }
    const slots = keptTensors(plan).filter(({ kind }) => kind === "slot");
    expect(slots.map(({ tensor }) => tensor.name)).not.toContain("scale");
    expect(slots.length).toBe(2 * 5);
  });

  it("of constants alone can be run, and is not trained", async () => {
    const frozen = text()
      .replaceAll("param ", "const ")
      .replace("batch(gamma = 0.5)", "layer(gamma = none, beta = none)");
    const executable = executableOf(frozen);
    expect(executable.plan.entries.update).toBeUndefined();
    const backend = await places.wasm.open();
    const session = await Session.open(executable, backend, { seed: 5 });
    const { outputs } = await session.infer(batch());
    expect(outputs.y.every(Number.isFinite)).toBe(true);
    await expect(session.train(batch(), { lr: 0.1 })).rejects.toThrow(
      /has no parameters to train: all that it has are constants/,
    );
    session.close();
    backend.close();
  });
});

it("a stream goes through what inference computes at once", async () => {
  const backend = await places.wasm.open();
  const session = await Session.open(executableOf(text()), backend, { seed: 5 });
  await session.estimate([batch()]);
  const { inputs } = batch();
  const { outputs } = await session.infer(batch());
  const stream = await session.stream();
  for (let t = 0; t < T; t++) {
    const { y } = await stream.next({ x: inputs.x.subarray(t * B * D, (t + 1) * B * D) });
    y.forEach((value, i) => {
      expect(Math.abs(value - outputs.y[t * B * H + i])).toBeLessThan(1e-5);
    });
  }
  session.close();
  backend.close();
});

describe("a checkpoint", () => {
  const optimizer = "adam" as const;
  const trainedState = async (word: string) => {
    const backend = await places.wasm.open();
    const session = await Session.open(executableOf(text(word), { optimizer }), backend, { seed: 5 });
    await session.train(batch(), { lr: 0.05 });
    const state = decodeCheckpoint(encodeCheckpoint(await session.state()));
    session.close();
    backend.close();
    return state;
  };
  const resumed = async (
    word: string,
    state: Awaited<ReturnType<typeof trainedState>>,
    allowOtherEquations = false,
  ) => {
    const backend = await places.wasm.open();
    const session = await Session.open(executableOf(text(word), { optimizer }), backend, { seed: 6 });
    const differences = await session.restore(state, { allowOtherEquations });
    const values = await valuesOf(session, ["c/A", "scale", "c/Wh"]);
    await session.train(batch(), { lr: 0.05 });
    session.close();
    backend.close();
    return { differences, values };
  };

  it("holds constants, and gives them back", async () => {
    const state = await trainedState("const");
    const { values, differences } = await resumed("const", state);
    expect(differences).toEqual([]);
    for (const [name, data] of Object.entries(values)) expect(data).toEqual(state.tensors.get(name)!.data);
    expect([...state.tensors.keys()].filter((name) => name.includes("scale"))).toEqual(["scale"]);
  });

  it.each([
    ["param", "const", "`c.A` is trained in it, a constant here"],
    ["const", "param", "`c.A` is a constant in it, trained here"],
  ])("of a model where A is %s is refused where it is %s, unless that is meant", async (was, is, message) => {
    const state = await trainedState(was);
    await expect(resumed(is, state)).rejects.toThrow(message);
    const { values, differences } = await resumed(is, state, true);
    expect(differences).toEqual([message]);
    expect(values["c/A"]).toEqual(state.tensors.get("c/A")!.data);
  });
});

it("a constant is part of the model's identity, and its numbers are not", () => {
  const fingerprint = (source: string) => executableOf(source).plan.fingerprint;
  expect(fingerprint(text())).not.toBe(fingerprint(text("param")));
  expect(fingerprint(text())).toBe(fingerprint(text().replace("0.9", "0.8")));
});

it("a constant cannot be named as what decays", () => {
  const optimizer = { name: "adamw", decayed: ["scale"] } as const;
  const refused = () => executableOf(text(), { optimizer });
  expect(refused).toThrow(CompileError);
  expect(refused).toThrow(/`scale` of m is a constant, which does not decay/);
});

it("an initial value that is not finite is refused before anything runs", async () => {
  const source = text().replace("0.1 * range", "log(uniform(-1, -0.5))");
  const backend = await places.wasm.open();
  await expect(Session.open(executableOf(source), backend, { seed: 1 })).rejects.toThrow(
    /the initial value of `c\/h0` of m is NaN/,
  );
  backend.close();
});

/** The outputs of an example cell from its own initial values, and an independent computation of them by `step`. */
async function compareWith(
  file: string,
  dims: Readonly<Record<string, number>>,
  expected: (read: (name: string) => Float32Array, x: Float32Array) => readonly number[],
): Promise<void> {
  const { executable } = compileFile(`examples/cells/${file}.cell`, { dims, batch: 1, time: 12 }, wasm, fileHost);
  const backend = await places.wasm.open();
  const session = await Session.open(executable, backend, { seed: 2 });
  const x = Float32Array.from(sample(12 * dims.D, [-1, 1], uniform(4)));
  const cotangent = executable.plan.entries.infer!.tensors.find(({ name }) => name.startsWith("d_"))!.name;
  const { outputs } = await session.infer({ examples: 1, steps: 12, inputs: { x, [cotangent]: null } });
  const names = keptTensors(executable.plan).map(({ name }) => name);
  const values = await valuesOf(session, names);
  const [found] = Object.values(outputs);
  for (const [i, value] of expected((name) => values[name], x).entries())
    expect(Math.abs(found[i] - value)).toBeLessThan(1e-5);
  session.close();
  backend.close();
}

/** y_j = Σ v_i W_ij. */
const product = (v: readonly number[], W: Float32Array): number[] => {
  const columns = W.length / v.length;
  return Array.from({ length: columns }, (_, j) => v.reduce((sum, value, i) => sum + value * W[i * columns + j], 0));
};

it("the echo state network is what its papers say, and its reservoir is contractive", () =>
  compareWith("esn", { D: 2, H: 6, K: 3 }, (read, x) => {
    let h: number[] = Array(6).fill(0);
    const out: number[] = [];
    for (let t = 0; t < 12; t++) {
      const u = [...x.subarray(2 * t, 2 * t + 2)];
      const [hh, xh] = [product(h, read("Wh")), product(u, read("Wx"))];
      h = h.map((v, i) => 0.7 * v + 0.3 * Math.tanh(hh[i] + xh[i] + read("b")[i]));
      out.push(...product([...u, ...h], read("Wo")).map((v, i) => v + read("bo")[i]));
    }
    // Wh Whᵀ = 0.81.
    for (let i = 0; i < 6; i++)
      expect(
        product(
          [...read("Wh").subarray(6 * i, 6 * i + 6)],
          read("Wh").map((_, k) => read("Wh")[(k % 6) * 6 + Math.floor(k / 6)]),
        )[i],
      ).toBeCloseTo(0.81, 5);
    return out;
  }));

it("the clockwork network computes a group when its period says so, from itself and slower ones", () =>
  compareWith("clockwork", { D: 2, H: 8 }, (read, x) => {
    let h: number[] = Array(8).fill(0);
    const out: number[] = [];
    const group = (i: number): number => Math.floor(i / 2);
    for (let t = 0; t < 12; t++) {
      const xh = product([...x.subarray(2 * t, 2 * t + 2)], read("Wx"));
      h = h.map((v, i) => {
        if (t % 2 ** group(i) !== 0) return v;
        const hh = h.reduce((sum, other, j) => (group(j) >= group(i) ? sum + other * read("Wh")[j * 8 + i] : sum), 0);
        return Math.tanh(hh + xh[i] + read("b")[i]);
      });
      out.push(...h);
    }
    return out;
  }));
