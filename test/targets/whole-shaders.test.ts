/** The shaders that `cellc compile --target glsl` writes: whole, and readable by any WebGL2. */
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { targets } from "../../cli/targets.ts";
import { compile } from "../../compiler/compile.ts";
import type { Code } from "../../runtime/plan.ts";
import { glsl } from "../../targets/glsl/target.ts";
import { CHROMIUM } from "../chromium.ts";
import { examplesIn } from "../compile/examples.ts";
import { chromiumFlags } from "./webgl2.ts";

let browser: Browser;
let page: Page;
beforeAll(async () => {
  browser = await chromium.launch({ executablePath: CHROMIUM, args: chromiumFlags });
  page = await browser.newPage();
});
afterAll(() => browser.close());

/** What WebGL2 says of each text as a fragment shader; empty where it compiles. */
const compiled = (texts: readonly string[]): Promise<readonly string[]> =>
  page.evaluate((all) => {
    const gl = document.createElement("canvas").getContext("webgl2")!;
    return all.map((text) => {
      const shader = gl.createShader(gl.FRAGMENT_SHADER)!;
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      return gl.getShaderParameter(shader, gl.COMPILE_STATUS) === true ? "" : String(gl.getShaderInfoLog(shader));
    });
  }, texts);

describe.each(examplesIn("examples/cells", "cell"))("$entry", ({ path, entry }) => {
  it("is written as shaders that compile alone, in high precision throughout", async () => {
    const { code } = compile(path, { entry, batch: 8, time: 5 }, glsl, fileHost).executable;
    const files = targets.glsl.files(code as Extract<Code, { kind: "glsl" }>);
    const shaders = Object.entries(files).filter(([name]) => name.endsWith(".frag"));
    expect(shaders.length).toBeGreaterThan(3);
    for (const [name, text] of shaders) {
      for (const type of ["float", "int", "sampler2D", "sampler2DArray"])
        expect(text, name).toContain(`\nprecision highp ${type};\n`);
      expect(/\b(lowp|mediump)\b/.test(String(text)), name).toBe(false);
      // Before anything that has a precision.
      expect(String(text).indexOf("precision highp"), name).toBeLessThan(String(text).indexOf("uniform"));
    }
    const faults = await compiled(shaders.map(([, text]) => String(text)));
    expect(faults.filter((fault) => fault !== "")).toEqual([]);
  });
});
