import { expect, it } from "vitest";
import { epsilons } from "../../compiler/proofs/epsilons.ts";
import { cellWith, compile } from "../semantics/sources.ts";

const at = (norm: string, before = "") =>
  epsilons(compile(`${before}${cellWith(`site s = h @ Wh\nplace s : ${norm}`, "tanh(s + x @ Wx)")}`).graph);

it.each([
  ["batch", { statistic: "s/v", epsilon: 1e-5, is: "variance" }],
  ["batch(eps = 1e-3)", { statistic: "s/v", epsilon: 1e-3, is: "variance" }],
  ["batch_renorm(eps = 1e-4)", { statistic: "s/s", epsilon: 1e-4, is: "deviation" }],
])("%s guards %j", (norm, guard) => {
  expect(at(norm)).toEqual([{ site: "s", ...guard }]);
});

it("norms over features have no statistic that could be looked at", () => {
  expect(["layer", "rms", "group(2)", "cosine"].flatMap((norm) => at(norm))).toEqual([]);
});

it("a norm of one's own is looked into, too", () => {
  const own = "norm own(x) {\n  stat v = mean(x^2, over batch)\n  x / sqrt(1e-2 + v)\n}\n";
  expect(at("own", own)).toEqual([{ site: "s", statistic: "s/v", epsilon: 1e-2, is: "variance" }]);
});
