import { expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { Session, wasmBackend } from "../../runtime/index.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { wgsl } from "../../targets/wgsl/target.ts";
import { files } from "../semantics/sources.ts";

/** Names that objects of JavaScript have, or that mean something to it. */
const names = ["constructor", "toString", "hasOwnProperty", "valueOf", "then", "isPrototypeOf", "prototype", "length"];

it("what is called like something of JavaScript's is compiled for every target and trained", async () => {
  const [dim, param, input, state, site, output, cell, norm] = names;
  const text = `norm ${norm}(x) { stat m = mean(x, over batch); x - m }
cell ${cell}(${dim} = 2) {
  param ${param} : [${dim}, ${dim}] = identity
  input ${input} : [${dim}]
  state ${state} : [${dim}] = 0
  site ${site} = ${state} + ${input} @ ${param} / ${dim}
  ${state}' = tanh(${site})
  ${output} = ${state}' * 2
  output ${output}
  place ${site} : ${norm}
}`;
  const options = { batch: 2, time: 3 };
  expect(() => compile("main.cell", options, wgsl, files({ "main.cell": text }))).not.toThrow();
  const { executable } = compile("main.cell", options, wasm, files({ "main.cell": text }));
  const session = await Session.open(executable, wasmBackend({ threads: 1 }), { seed: 1 });
  const x = Float32Array.from({ length: 12 }, (_, i) => Math.sin(i));
  const batch = { inputs: { [input]: x, [`d_${output}`]: x }, steps: 3, examples: 2 };
  const { loss } = await session.train(batch, { lr: 0.1 });
  expect(Number.isFinite(loss)).toBe(true);
  const { outputs } = await session.infer({ ...batch });
  expect(Object.keys(outputs)).toEqual([output]);
  expect(outputs[output].every(Number.isFinite)).toBe(true);
  await session.close();
});

it.each([
  ["an input that is handed out as it is", "output x", { x: [1, 2, 3, 4] }],
  ["a parameter that is handed out", "output V", { V: [0.5, 0.5] }],
  ["a metric that is called like an output", "output z\n  metric z = mean(z, over feature)", {}],
  ["a metric that is called like a parameter", "output z\n  metric V = mean(z, over feature)", {}],
  ["a metric that is called like the optimiser's", "output z\n  metric skipped_steps = mean(z, over feature)", {}],
  [
    "an input that is called like a number of the runtime's",
    "input momentum : [D]\n  output z\n  metric m = mean(momentum, over feature)",
    {},
  ],
] as const)("%s is compiled, opened and trained", async (_, words, outputs) => {
  const text = `model m(D = 2) {
  input x : [D]
  param V : [D] = 0.5
  z = x * V
  ${words}
  loss mean(z, over feature)
}`;
  const backend = wasmBackend({ threads: 1 });
  const { executable } = compile("main.cell", { batch: 2, time: 1 }, wasm, files({ "main.cell": text }));
  const session = await Session.open(executable, backend, { seed: 1 });
  const numbers = Float32Array.of(1, 2, 3, 4);
  const batch = {
    inputs: { x: numbers, ...(words.startsWith("input") && { momentum: numbers }) },
    steps: 1,
    examples: 2,
  };
  const found = (await session.infer(batch)).outputs;
  for (const [name, data] of Object.entries(outputs)) expect([...found[name]], name).toEqual(data);
  expect((await session.train(batch, { lr: 0.1 })).loss).toBeCloseTo(1.25);
  session.close();
  backend.close();
});
