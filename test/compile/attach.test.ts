/** A model at another batch size serves a session's batches only if it is the same model. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import type { CompileOptions } from "../../compiler/options.ts";
import { type Backend, type Executable, Session, wasmBackend } from "../../runtime/index.ts";
import { wasm } from "../../targets/wasm/target.ts";

const text = (eps = "1e-5", output = "hs"): string => `
cell rnn(D, H) {
  param Wx : [D, H] = normal(0.7)
  param Wh : [H, H] = normal(0.5)
  input x : [D]
  state h : [H] = 0
  site xh = x @ Wx
  site hh = h @ Wh
  h' = tanh(xh + hh)
  output h'
  place xh : batch(gamma = 0.8, eps = ${eps})
  place hh : batch(gamma = 0.8)
}
model m(D = 2, H = 3) {
  input x : [D] over time
  target y : [H]
  hs = scan rnn(D, H) over x
  output ${output}
  loss mse(last(hs), y)
  metric error = abs(last(hs) - y)
}
`;

const made = (options: CompileOptions, source = text()): Executable =>
  compile("m.cell", options, wasm, { read: () => source, resolve: (_, path) => path }).executable;

/** Inputs of the first `examples` of as many as there may be, [T, B, D]. */
function batchOf(examples: number, steps: number) {
  const x = Float32Array.from({ length: steps * examples * 2 }, (_, i) => {
    const [t, b, d] = [Math.floor(i / (2 * examples)), Math.floor(i / 2) % examples, i % 2];
    return Math.sin(1 + 3 * t + 5 * b + 7 * d);
  });
  const y = Float32Array.from({ length: examples * 3 }, (_, i) => Math.cos(i));
  return { inputs: { x, y }, steps, examples };
}

describe("an attached executable", () => {
  let backend: Backend;
  let session: Session;
  beforeAll(async () => {
    backend = await wasmBackend({ threads: 1 });
    session = await Session.open(made({ batch: 4, time: 3 }), backend, { seed: 1 });
    await session.train(batchOf(4, 3), { lr: 0.01 });
    await session.train(batchOf(4, 3), { lr: 0.01 });
  });
  afterAll(() => {
    session.close();
    backend.close();
  });

  it.each([3, 7])("with statistics of %i steps computes what the session's own does", async (time) => {
    await session.attach(made({ batch: 2, time, entries: ["infer"] }));
    for (const steps of [2, 3, 6]) {
      const whole = (await session.infer(batchOf(4, steps))).outputs.hs;
      const part = (await session.infer(batchOf(2, steps))).outputs.hs;
      for (let t = 0; t < steps; t++)
        for (let i = 0; i < 6; i++) expect(part[t * 6 + i]).toBeCloseTo(whole[t * 12 + i], 6);
    }
  });

  it.each([
    [
      "another ε",
      made({ batch: 2, time: 3 }, text("1e-3")),
      "`rnn.xh` has batch(gamma = 0.8, beta = 0, eps = 1e-3) in it",
    ],
    [
      "another output",
      made({ batch: 2, time: 3 }, text("1e-5", "xs").replace("output xs", "xs = 2 * hs\n  output xs")),
      "output",
    ],
    ["another metric", made({ batch: 2, time: 3 }, text().replace("abs(", "(")), "metric `error`"],
    ["statistics of fewer steps", made({ batch: 2, time: 2 }), "its `rnn/hh/m` is [2, 3], this one's [3, 3]"],
    ["other dimensions", made({ batch: 2, time: 3, dims: { H: 4 } }), "its `rnn/Wx` is [2, 4], this one's [2, 3]"],
  ])("with %s is refused, and what differs is named", async (_, executable, words) => {
    await expect(session.attach(executable)).rejects.toMatchObject({
      code: "C0403",
      message: expect.stringContaining(words),
    });
  });
});
