/** What the backend asks of WebGL2: how often, and in which precision. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fileHost } from "../../../cli/api/file-host.ts";
import { compile } from "../../../compiler/compile.ts";
import type { LoadedExecutable } from "../../../runtime/backend.ts";
import type { EntryName } from "../../../runtime/plan.ts";
import { glsl } from "../../../targets/glsl/target.ts";
import { type BackendPage, backendPage, launchChromium } from "../../targets/webgl2.ts";

let browser: Browser;
let page: BackendPage;
beforeAll(async () => {
  browser = await launchChromium();
  page = await backendPage(browser);
  // Every method of a context counts its calls. Programs are kept as the sources of their shaders.
  await page.page.evaluate(() => {
    const prototype = WebGL2RenderingContext.prototype as unknown as Record<string, (...args: unknown[]) => unknown>;
    const calls: Record<string, number> = {};
    const sources = new Map<unknown, string[]>();
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (typeof value !== "function" || name === "constructor") continue;
      prototype[name] = function (...args) {
        calls[name] = (calls[name] ?? 0) + 1;
        if (name === "attachShader") {
          const [program, shader] = args as [WebGLProgram, WebGLShader];
          const source = (this as unknown as WebGL2RenderingContext).getShaderSource(shader)!;
          sources.set(program, [...(sources.get(program) ?? []), source]);
        }
        return value.apply(this, args);
      };
    }
    Object.assign(globalThis, { calls, sources });
  });
});
afterAll(() => browser.close());

interface Recorded {
  readonly calls: Readonly<Record<string, number>>;
  /** By program. */
  readonly sources: ReadonlyMap<unknown, readonly string[]>;
}

const recordedCalls = (): Promise<Recorded["calls"]> =>
  page.page.evaluate(() => ({ ...(globalThis as unknown as Recorded).calls }));

/** Calls of each method in a run of `steps` steps. How often the fence is asked depends on the time. */
async function callsOf(machine: LoadedExecutable, entry: EntryName, steps: number): Promise<Map<string, number>> {
  await machine.prepare(20);
  const before = await recordedCalls();
  await machine.run(entry, steps);
  const after = await recordedCalls();
  return new Map(
    Object.entries(after)
      .map(([name, n]) => [name, n - (before[name] ?? 0)] as const)
      .filter(([name]) => !["clientWaitSync", "isContextLost"].includes(name)),
  );
}

/** Calls of each method that ten further steps make. A texture that alternates, or has too few units, has another one each time. */
async function callsOfTenSteps(cell: string, entry: EntryName): Promise<Readonly<Record<string, number>>> {
  const options = { dims: { D: 3, H: 8 }, batch: 4, time: 20, entries: [entry] } as const;
  const { executable } = compile(`examples/cells/${cell}.cell`, options, glsl, fileHost);
  const backend = await page.backend();
  const machine = await backend.open(executable);
  // The first run makes what later ones find, and the third waits for the first.
  for (let k = 0; k < 2; k++) await callsOf(machine, entry, 20);
  const few = await callsOf(machine, entry, 10);
  const many = await callsOf(machine, entry, 20);
  backend.close();
  const grown = [...many].map(([name, n]) => [name, n - (few.get(name) ?? 0)] as const).filter(([, n]) => n > 0);
  const all = grown.reduce((sum, [, n]) => sum + n, 0);
  return { ...Object.fromEntries(grown.sort(([a], [b]) => (a < b ? -1 : 1))), all };
}

test("ten steps of an LSTM: calls of each method", async () => {
  expect(await callsOfTenSteps("lstm", "train")).toMatchInlineSnapshot(`
    {
      "activeTexture": 78,
      "all": 654,
      "bindFramebuffer": 70,
      "bindTexture": 92,
      "drawArrays": 70,
      "framebufferTextureLayer": 80,
      "uniform1i": 174,
      "useProgram": 70,
      "viewport": 20,
    }
  `);
  expect(await callsOfTenSteps("lstm", "infer")).toMatchInlineSnapshot(`
    {
      "all": 60,
      "bindFramebuffer": 10,
      "drawArrays": 10,
      "framebufferTextureLayer": 10,
      "uniform1i": 30,
    }
  `);
});

test("ten steps of a batch-normalized LSTM: calls of each method", async () => {
  expect(await callsOfTenSteps("bnlstm", "train")).toMatchInlineSnapshot(`
    {
      "activeTexture": 210,
      "all": 1750,
      "bindFramebuffer": 270,
      "bindTexture": 230,
      "copyTexSubImage2D": 60,
      "drawArrays": 210,
      "framebufferTextureLayer": 190,
      "uniform1i": 210,
      "uniform4i": 70,
      "useProgram": 140,
      "viewport": 160,
    }
  `);
  expect(await callsOfTenSteps("bnlstm", "infer")).toMatchInlineSnapshot(`
    {
      "all": 60,
      "bindFramebuffer": 10,
      "drawArrays": 10,
      "framebufferTextureLayer": 10,
      "uniform1i": 30,
    }
  `);
});

/** A text of GLSL without its comments. */
const codeOf = (source: string): string => source.replaceAll(/\/\/.*|\/\*[\s\S]*?\*\//g, "");

test("no number in a shader of ours has less than 32 bits, as gpu.js compiled it", async () => {
  const programs = await page.page.evaluate(() => [...(globalThis as unknown as Recorded).sources.values()]);
  // The others find out for gpu.js what the browser can do.
  const ours = programs.filter((shaders) => shaders.some((source) => source.includes("void render()")));
  expect(ours.length).toBeGreaterThan(20);
  for (const code of ours.flat().map(codeOf)) {
    expect(code).not.toMatch(/\b(?:lowp|mediump)\b/);
    const at = (pattern: RegExp): number => code.search(pattern);
    const first = at(/^\s*(?:uniform|in|out|const|vec4|float|int) /m);
    expect(at(/^\s*precision highp float;/m)).toBeGreaterThan(0);
    expect(at(/^\s*precision highp float;/m)).toBeLessThan(first);
    expect(at(/^\s*precision highp int;/m)).toBeLessThan(first);
    for (const type of ["sampler2D", "sampler2DArray"]) {
      const declared = at(new RegExp(`^\\s*uniform ${type} `, "m"));
      if (declared < 0) continue;
      expect(at(new RegExp(`^\\s*precision highp ${type};`, "m"))).toBeGreaterThan(0);
      expect(at(new RegExp(`^\\s*precision highp ${type};`, "m"))).toBeLessThan(declared);
    }
  }
});
