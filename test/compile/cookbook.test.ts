/** Every text of the cookbook: it compiles by itself, at the sizes it declares, and its numbers and gradients are right. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { check } from "../../compiler/check.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import type { SourceHost } from "../../compiler/source-host.ts";
import { format } from "../../compiler/syntax/format.ts";
import { opened, places } from "./backends.ts";
import { type Computes, Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const page = readFileSync("docs/cookbook.md", "utf8");

interface Recipe {
  readonly heading: string;
  readonly text: string;
}

/** The indented blocks, without their margin, by the heading above them. */
const recipes: readonly Recipe[] = page.split(/^###? /m).flatMap((part) =>
  [...part.matchAll(/(?:^ {4}.*\n|^\n(?= {4}))+/gm)].map((m) => ({
    heading: part.slice(0, part.indexOf("\n")),
    text: m[0].replace(/^ {4}/gm, "").trim(),
  })),
);

/** The page's folder, in which a recipe's imports are. */
const path = "docs/recipe.cell";
const hostOf = (text: string): SourceHost => ({
  ...fileHost,
  read: (file) => (file === path ? text : fileHost.read(file)),
});

/** A text shows what it declares last. */
const entryOf = (text: string): string | undefined => [...text.matchAll(/^(?:cell|model) (\w+)/gm)].at(-1)?.[1];

/** Differences cannot see a gradient that is replaced on purpose. */
const replacesGradient = (text: string): boolean => /\bstop\(/.test(text);

const [examples, steps] = [4, 4];

function studyOf(text: string): Study {
  const { graph, dims } = elaborate(path, hostOf(text), { entry: entryOf(text) });
  return new Study(graph, { dims, batch: examples, time: steps, entries, nearInitial: 0.1 });
}

const entries: readonly Computes[] = ["train", "infer"];

it("has recipes of every part of the language", () => {
  expect(recipes.length).toBeGreaterThan(50);
  for (const part of page.matchAll(/^## (.*)$/gm)) expect(page).toContain(`- [${part[1]}](#`);
});

const backend = opened(places.wasm);

describe.each(recipes)("$heading:", ({ text }) => {
  let known: Study | undefined;
  const study = (): Study => {
    known ??= studyOf(text);
    return known;
  };

  it("has no mistake and needs no warning", () => {
    expect(check(path, hostOf(text)).map(({ code, message }) => `${code} ${message}`)).toEqual([]);
  });

  it("is in its canonical form", () => {
    expect(format(text, path).text.trim()).toBe(text);
  });

  it("computes what the reference does", async () => {
    const { forward, gradient } = await study().targetErrors(places.wasm.target, backend(), entries);
    expect(forward).toBeLessThan(tolerance.forward);
    expect(gradient).toBeLessThan(tolerance.gradient);
  });

  if (replacesGradient(text)) return;
  it("has the gradients of differences", () => {
    expect(study().directionError()).toBeLessThan(tolerance.differences);
  });
});
