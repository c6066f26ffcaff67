/**
 * Each pass on small graphs, as text: `golden/passes/PASS/CASE.in.ir` becomes `CASE.out.ir`. The first line of an input says
 * what it shows. Updated on purpose, with `vitest -u`, and read in review.
 */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseGraph } from "../../compiler/ir/parse-text.ts";
import { printGraph } from "../../compiler/ir/text.ts";
import { verify } from "../../compiler/ir/verify.ts";
import { expectSameMeaning, numbersFor } from "./meaning.ts";
import { passes } from "./passes.ts";

const folder = "test/golden/passes";
const dims = { batch: 3, time: 4, steps: 3, H: 4, D: 3, K: 2 };

/** Expanding a norm or averaging a mask changes what a graph means, and that is its purpose. */
const changesMeaning = new Set(["place-train", "place-estimate", "place-infer", "mean-noise"]);

describe.each(readdirSync(folder).sort())("%s", (name) => {
  const cases = readdirSync(`${folder}/${name}`).filter((file) => file.endsWith(".in.ir"));
  const claims = cases.map((file) => {
    const text = readFileSync(`${folder}/${name}/${file}`, "utf8");
    return [/^\/\/ (.*)\n/.exec(text)?.[1] ?? file, file, text] as const;
  });

  it.each(claims)("%s", async (_, file, text) => {
    const before = parseGraph(text);
    verify(before);
    const after = passes[name].run(before);
    verify(after);
    await expect(printGraph(after)).toMatchFileSnapshot(`../../${folder}/${name}/${file.replace(".in.", ".out.")}`);
    if (!changesMeaning.has(name)) expectSameMeaning(before, after, dims, numbersFor(before, dims));
  });
});
