/** Random programs as PyTorch modules, beside the reference. `stress.ts` runs hundreds. */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, inject, it } from "vitest";
import { tolerance } from "../../compile/tolerances.ts";
import { compile } from "../../semantics/sources.ts";
import { Parity } from "./parity.ts";
import { runPython } from "./python.ts";
import { isClose, random, ways } from "./random-cases.ts";

const RUN = fileURLToPath(new URL("run.py", import.meta.url));

it("16 random programs train and evaluate as the reference does, in one way or another", () => {
  const folder = mkdtempSync(join(inject("scratch"), "random-"));
  const made = random(11, 16).map((one, n) => {
    const parity = one.make(ways[n % ways.length].options(one));
    const at = join(folder, String(n));
    parity.write(at);
    return { text: one.text, at, parity };
  });
  runPython([RUN, ...made.map(({ at }) => at)]);
  for (const { text, at, parity } of made) {
    const errors = parity.errors(at);
    expect(isClose(errors, parity), `${JSON.stringify(errors)}\n${text}`).toBe(true);
  }
});

const conditions = [
  "where(u > 0, log(u), 0)",
  "where(u > 0, u^1.5 + u^(-2) + rsqrt(u), 0)",
  "where(u <= 0, w, w / u + log(u))",
  "where(u > 0, where(u > 0.5, log(u), sqrt(u)), 0)",
  "where(u != 0, u / u, w)",
];

it("what a condition leaves out spoils no gradient", () => {
  const folder = mkdtempSync(join(inject("scratch"), "conditions-"));
  const made = conditions.map((z, n) => {
    const { graph, dims } = compile(`model m(D = 3) {
  input x : [D] over time
  param w : [D] = 1
  u = w * relu(x)
  loss sum(square(${z} - 0.3), over feature)
}`);
    const parity = new Parity(graph, { dims, isCell: false, batch: 4, time: 3 });
    const at = join(folder, String(n));
    parity.write(at);
    return { at, parity };
  });
  runPython([RUN, ...made.map(({ at }) => at)]);
  for (const [n, { at, parity }] of made.entries())
    expect(Math.max(...(Object.values(parity.errors(at)) as number[])), conditions[n]).toBeLessThan(tolerance.pytorch);
});
