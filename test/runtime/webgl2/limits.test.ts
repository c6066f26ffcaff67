/** What textures cannot do, or only some GPUs can. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fileHost } from "../../../cli/api/file-host.ts";
import { compile } from "../../../compiler/compile.ts";
import type { KExpr, Kernel } from "../../../compiler/kernel-ir/types.ts";
import { elaborate } from "../../../compiler/semantics/elaborate.ts";
import type { Target } from "../../../compiler/target.ts";
import { type Backend, Session, wasmBackend } from "../../../runtime/index.ts";
import { whole } from "../../../runtime/layout.ts";
import { glsl } from "../../../targets/glsl/target.ts";
import { wasm as wasmTarget } from "../../../targets/wasm/target.ts";
import { Study, type StudyOptions } from "../../compile/study.ts";
import { tolerance } from "../../compile/tolerances.ts";
import { uniform } from "../../ir/numbers.ts";
import { kernel, lanes, load4, math4, plus, store4, times } from "../../targets/build.ts";
import { runTexels } from "../../targets/run-glsl.ts";
import { type BackendPage, backendPage, launchChromium } from "../../targets/webgl2.ts";
import type { PageOptions } from "../../targets/webgl2-page.ts";

let browser: Browser;
let page: BackendPage;
beforeAll(async () => {
  browser = await launchChromium();
  page = await backendPage(browser);
});
afterAll(() => browser.close());

type Size = { readonly D: number; readonly H: number; readonly B: number; readonly T: number };

function studyOf(cell: string, { D, H, B, T }: Size, options: Partial<StudyOptions> = {}): Study {
  const { graph, dims } = elaborate(`examples/cells/${cell}.cell`, fileHost, { dims: { D, H } });
  return new Study(graph, { dims, batch: B, time: T, seed: 5, entries: ["train", "infer"], ...options });
}

async function expectAsReference(study: Study, backend: Backend): Promise<void> {
  const errors = await study.targetErrors(glsl, backend, ["train", "infer"]);
  expect(errors.forward).toBeLessThan(tolerance.forward);
  expect(errors.gradient).toBeLessThan(tolerance.gradient);
}

async function onBackend(options: PageOptions, act: (backend: Backend) => Promise<void>): Promise<void> {
  const backend = await page.backend(options);
  try {
    await act(backend);
  } finally {
    backend.close();
  }
}

test("a kernel samples as many textures as every GPU has units for, but one", async () => {
  const [n, size] = [15, 64];
  const texel: KExpr = times({ k: "group", axis: 0 }, 4);
  const one = { fixed: 1, perStep: 0 };
  const stores = (name: string, reads: readonly string[], value: KExpr): Kernel => ({
    ...kernel({ body: [lanes("i", 0, 1, [store4(name, texel, value)])] }),
    name,
    lanes: 1,
    grid: [{ fixed: size / 4, perStep: 0 }, one, one],
    regions: [
      ...reads.map((region) =>
        region === "input"
          ? { region, access: "read" as const }
          : { region, access: "read" as const, texture: { size, frames: false, alternate: false, stacked: false } },
      ),
      { region: name, access: "read_write", texture: { size, frames: false, alternate: false, stacked: false } },
    ],
  });
  const parts = Array.from({ length: n }, (_, i) => `part_${i}`);
  const all = parts.map((name) => load4(name, texel)).reduce((a, b) => math4("add", math4("mul", a, twice), b));
  const input = Float32Array.from({ length: n * size }, (_, i) => (i * 7) % 5);
  const found = await runTexels(
    [
      ...parts.map((name, i) => stores(name, ["input"], load4("input", plus(i * size, texel)))),
      stores("joined", parts, all),
    ],
    size,
    input,
  );
  // Each part has a factor of its own, so that none can stand for another.
  const expected = Array.from({ length: size }, (_, k) =>
    parts.reduce((sum, _, i) => 2 * sum + input[i * size + k], 0),
  );
  expect([...found[n]]).toEqual(expected);
});

const twice: KExpr = { k: "splat", a: { k: "float", value: 2 } };

test("textures of one row, and of one texel", async () => {
  await onBackend({}, async (backend) => {
    await expectAsReference(studyOf("lstm", { D: 1, H: 1, B: 1, T: 3 }), backend);
    await expectAsReference(studyOf("lstm", { D: 2, H: 8, B: 1, T: 3 }), backend);
  });
});

test("parameters and states of more than 2,048 texels", async () => {
  await onBackend({}, (backend) => expectAsReference(studyOf("rnn", { D: 90, H: 96, B: 96, T: 2 }), backend));
});

/** Losses and norms of gradients of a few steps of Adam, whose slots are in a larger texture than the parameters. */
async function trained(target: Target, backend: Backend): Promise<readonly number[]> {
  const [T, B, D, H, K] = [3, 4, 20, 48, 3];
  const options = { dims: { D, H, K }, batch: B, time: T, optimizer: "adam", cells: { rnn: "lstm" } } as const;
  const { executable } = compile("examples/smnist.cell", options, target, fileHost);
  const session = await Session.open(executable, backend, { seed: 3 });
  const random = uniform(9);
  const x = Float32Array.from({ length: T * B * D }, () => 2 * random() - 1);
  const batch = { examples: B, steps: T, inputs: { x, y: Float32Array.of(0, 1, 2, 1) } };
  const found: number[] = [];
  for (let k = 0; k < 6; k++) {
    const { loss, gradientNorm } = await session.train(batch, { lr: 0.01, clip: 0.5 });
    found.push(loss, gradientNorm!);
  }
  session.close();
  return found;
}

test.each(["driven", "called"] as const)("updates of more parameters than a row has, %s", async (way) => {
  const wasm = wasmBackend({ threads: 1 });
  const expected = await trained(wasmTarget, wasm);
  wasm.close();
  expect(expected[10]).toBeLessThan(0.5 * expected[0]);
  await onBackend({ ways: [way] }, async (backend) => {
    const found = await trained(glsl, backend);
    for (const [i, value] of found.entries()) expect(Math.abs(value - expected[i])).toBeLessThan(tolerance.training);
  });
});

test.each(["driven", "called"] as const)("sequences longer than textures have layers, %s", async (way) => {
  await onBackend({ ways: [way], layerBits: 1 }, async (backend) => {
    await expectAsReference(studyOf("lstm", { D: 3, H: 8, B: 4, T: 7 }), backend);
    await expectAsReference(studyOf("bnlstm", { D: 3, H: 8, B: 4, T: 4 }), backend);
  });
});

test.each([
  ["where there are as many layers as every GPU has", { layerBits: 8 }],
  ["where there are as many as here", {}],
])("300 steps, %s", async (_where, options) => {
  await onBackend(options, (backend) => expectAsReference(studyOf("rnn", { D: 3, H: 8, B: 2, T: 300 }), backend));
});

test("a GPU with the smallest limits of all runs it", async () => {
  const weak = await backendPage(browser);
  const asked = await weak.page.evaluateHandle(() => {
    const { getParameter, drawBuffers, activeTexture } = WebGL2RenderingContext.prototype;
    const least = new Map<number, number>(
      Object.entries({
        MAX_DRAW_BUFFERS: 4,
        MAX_COLOR_ATTACHMENTS: 4,
        MAX_TEXTURE_IMAGE_UNITS: 16,
        MAX_COMBINED_TEXTURE_IMAGE_UNITS: 32,
        MAX_ARRAY_TEXTURE_LAYERS: 256,
        MAX_TEXTURE_SIZE: 2048,
      }).map(([name, value]) => [WebGL2RenderingContext[name as "MAX_DRAW_BUFFERS"], value]),
    );
    const most = { outputs: 0, unit: 0 };
    const prototype = WebGL2RenderingContext.prototype;
    prototype.getParameter = function (name: number) {
      return least.get(name) ?? getParameter.call(this, name);
    };
    prototype.drawBuffers = function (buffers: number[]) {
      most.outputs = Math.max(most.outputs, buffers.length);
      drawBuffers.call(this, buffers);
    };
    prototype.activeTexture = function (unit: number) {
      most.unit = Math.max(most.unit, unit - this.TEXTURE0);
      activeTexture.call(this, unit);
    };
    return most;
  });
  const backend = await weak.backend();
  await expectAsReference(studyOf("bnlstm", { D: 3, H: 8, B: 4, T: 3 }), backend);
  const { outputs, unit } = await asked.jsonValue();
  expect(outputs).toBeGreaterThan(1);
  expect(outputs).toBeLessThanOrEqual(4);
  expect(unit).toBeLessThanOrEqual(15);
  await weak.page.close();
});

const small = studyOf("rnn", { D: 3, H: 8, B: 2, T: 2 });

test("a sequence that no texture holds is an error that says so, and the memory stays as it was", async () => {
  await onBackend({ layerBits: 1, maxTextureSize: 2048 }, async (backend) => {
    const machine = await backend.open(small.compile(glsl, ["train", "infer"]));
    await machine.write(whole("param", 0, 4), Float32Array.of(7, 8, 9, 10));
    await expect(machine.prepare(100_000)).rejects.toMatchObject({
      code: "C0505",
      message: expect.stringMatching(/texture of \d+ × \d+ × \d+ texels .* for 100000 steps, and this GPU allows 2048/),
    });
    expect(await machine.read([whole("param", 1, 2)])).toEqual([Float32Array.of(8, 9)]);
    await machine.prepare(3);
    await machine.run("infer", 3);
    expect(await machine.read([whole("param", 1, 2)])).toEqual([Float32Array.of(8, 9)]);
  });
});

test("a GPU without memory is an error that says so, and shorter sequences still run", async () => {
  const poor = await backendPage(browser);
  const backend = await poor.backend();
  const machine = await backend.open(small.compile(glsl, ["train", "infer"]));
  await poor.page.evaluate(() => {
    const { getError, texStorage3D } = WebGL2RenderingContext.prototype;
    let isShort = false;
    WebGL2RenderingContext.prototype.texStorage3D = () => {
      isShort = true;
      WebGL2RenderingContext.prototype.texStorage3D = texStorage3D;
    };
    WebGL2RenderingContext.prototype.getError = function () {
      const found = isShort ? this.OUT_OF_MEMORY : getError.call(this);
      isShort = false;
      return found;
    };
  });
  await expect(machine.prepare(50)).rejects.toMatchObject({ code: "C0505" });
  await machine.prepare(18);
  await machine.run("infer", 18);
  await expectAsReference(small, backend);
  await poor.page.close();
});

test("a command that WebGL2 refuses rejects everything from then on", async () => {
  const other = await backendPage(browser);
  const backend = await other.backend();
  const machine = await backend.open(small.compile(glsl, ["train", "infer"]));
  await machine.prepare(2);
  await machine.run("infer", 2);
  await other.page.evaluate(() => {
    const { getError } = WebGL2RenderingContext.prototype;
    let left = 1;
    WebGL2RenderingContext.prototype.getError = function () {
      return left-- > 0 ? this.INVALID_FRAMEBUFFER_OPERATION : getError.call(this);
    };
  });
  for (let again = 0; again < 2; again++)
    await expect(machine.read([whole("param", 0, 1)])).rejects.toMatchObject({ code: "C0506" });
  await expect(machine.run("infer", 2)).rejects.toMatchObject({ code: "C0506" });
  await other.page.close();
});
