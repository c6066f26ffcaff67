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
