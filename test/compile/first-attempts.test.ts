/** What people write first, as their papers have it: every file of `first-attempts` compiles as it is, and computes what it says. */
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import { format } from "../../compiler/syntax/format.ts";
import { inTurn, opened, places } from "./backends.ts";
import { keptForFile } from "./kept-for-file.ts";
import { Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const folder = "test/compile/first-attempts";

const attempts = readdirSync(folder).map((name) => ({ name: name.replace(".cell", ""), path: `${folder}/${name}` }));

const studies = keptForFile<string, Study>();

function studyOf(path: string, lengths?: readonly number[]): Study {
  const key = `${path} ${lengths}`;
  const known = studies.get(key);
  if (known !== undefined) return known;
  const { graph, dims } = elaborate(path, fileHost);
  const made = new Study(graph, { dims, batch: 3, time: 4, lengths });
  studies.set(key, made);
  return made;
}

describe.each(attempts)("$name", ({ path }) => {
  it("is read by the formatter", () => {
    expect(format(fileHost.read(path)!, path).diagnostics).toEqual([]);
  });

  it("has the gradients that differences show", () => {
    expect(studyOf(path).directionError()).toBeLessThan(tolerance.differences);
  });
});

describe.each([
  { name: "WebAssembly", place: places.wasm },
  { name: "WebGPU", place: places.wgsl },
  { name: "WebGL2", place: places.glsl },
])("on $name", ({ place }) => {
  const backend = opened(place);
  it.each(inTurn(place, attempts, 8))("$name computes what the reference does", async ({ path }) => {
    const errors = await studyOf(path).targetErrors(place.target, backend());
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });
});

describe("with sequences of different lengths", () => {
  const backend = opened(places.wasm);
  it.each(attempts)("$name computes what the reference does", async ({ path }) => {
    const study = studyOf(path, [4, 2, 3]);
    expect(study.directionError()).toBeLessThan(tolerance.differences);
    const errors = await study.targetErrors(places.wasm.target, backend(), ["train"]);
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });
});
