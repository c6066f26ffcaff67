import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fileHost } from "../../../cli/api/file-host.ts";
import { elaborate } from "../../../compiler/semantics/elaborate.ts";
import type { Backend } from "../../../runtime/backend.ts";
import { glsl } from "../../../targets/glsl/target.ts";
import { Study } from "../../compile/study.ts";
import { tolerance } from "../../compile/tolerances.ts";
import { backendPage, launchChromium } from "../../targets/webgl2.ts";

const cells = { lstm: "lstm", bnlstm: "bnlstm", gru_after: "gru" } as const;

const entries = Object.keys(cells) as readonly (keyof typeof cells)[];

function studyOf(entry: keyof typeof cells): Study {
  const { graph, dims } = elaborate(`examples/cells/${cells[entry]}.cell`, fileHost, { entry, dims: { D: 3, H: 8 } });
  return new Study(graph, { dims, batch: 4, time: 3, seed: 3, entries: ["train", "infer"] });
}

const studies = new Map(entries.map((entry) => [entry, studyOf(entry)]));

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

async function expectAsReference(entry: keyof typeof cells, backend: Backend): Promise<void> {
  const errors = await studies.get(entry)!.targetErrors(glsl, backend, ["train", "infer"]);
  expect(errors.forward).toBeLessThan(tolerance.forward);
  expect(errors.gradient).toBeLessThan(tolerance.gradient);
}

describe.each(["driven", "called"] as const)("with passes that are %s", (way) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await (await backendPage(browser)).backend({ ways: [way] });
  });
  afterAll(() => backend.close());

  test.each(entries)("%s computes what the reference does", async (cell) => {
    expect(backend.passes).toBe(way);
    await expectAsReference(cell, backend);
  });
});

test("where driven passes give wrong numbers, they are called instead", async () => {
  const { page, backend: open } = await backendPage(browser);
  await page.evaluate(() => {
    // gpu.js uses the default vertex array.
    const { drawArrays } = WebGL2RenderingContext.prototype;
    WebGL2RenderingContext.prototype.drawArrays = function (...args) {
      if (this.getParameter(this.VERTEX_ARRAY_BINDING) === null) drawArrays.apply(this, args);
    };
  });
  const backend = await open();
  expect(backend.passes).toBe("called");
  await expectAsReference("lstm", backend);
  // A module's backend does not know them, and says so.
  await expect(open({ module: "inference" })).rejects.toMatchObject({
    code: "C0503",
    message: "this browser's WebGL2 computes wrong numbers",
    help: expect.stringContaining("webgl2Backend()"),
  });
});

test("where no pass gives the right numbers, there is no WebGL2", async () => {
  const { page, backend } = await backendPage(browser);
  await page.evaluate(() => {
    // gpu.js finds out what the browser can do, and only we draw in vain.
    const { drawArrays } = WebGL2RenderingContext.prototype;
    WebGL2RenderingContext.prototype.drawArrays = function (...args) {
      const program = this.getParameter(this.CURRENT_PROGRAM) as WebGLProgram;
      const sources = this.getAttachedShaders(program)!.map((shader) => this.getShaderSource(shader)!);
      if (!sources.some((source) => source.includes("void render()"))) drawArrays.apply(this, args);
    };
  });
  await expect(backend()).rejects.toMatchObject({
    code: "C0503",
    message: "this browser's WebGL2 computes wrong numbers",
  });
});
