/** Contexts and devices: several at once, closed, lost, and in a page that nobody sees. */
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fileHost } from "../../../cli/api/file-host.ts";
import { compile } from "../../../compiler/compile.ts";
import type { Target } from "../../../compiler/target.ts";
import { type Backend, type Batch, type Executable, Session } from "../../../runtime/index.ts";
import { rangeOf, whole } from "../../../runtime/layout.ts";
import { glsl } from "../../../targets/glsl/target.ts";
import { wgsl } from "../../../targets/wgsl/target.ts";
import { CHROMIUM } from "../../chromium.ts";
import { uniform } from "../../ir/numbers.ts";
import { type BackendPage, backendPage, bundled, chromiumFlags, launchChromium } from "../../targets/webgl2.ts";

let browser: Browser;
let page: BackendPage;
beforeAll(async () => {
  browser = await launchChromium();
  page = await backendPage(browser);
});
afterAll(() => browser.close());

const [T, B, D, H, K] = [4, 6, 3, 8, 3];

const entries = ["train", "update", "infer"] as const;

/** A classifier: with `adam`, an update stores to two regions that it loads from. */
function executableOf(cell: string, target: Target = glsl): Executable {
  const options = { dims: { D, H, K }, batch: B, time: T, optimizer: "adam", cells: { rnn: cell }, entries } as const;
  return compile("examples/smnist.cell", options, target, fileHost).executable;
}

const batches: readonly Batch[] = Array.from({ length: 8 }, (_, k) => {
  const random = uniform(k + 1);
  const x = Float32Array.from({ length: T * B * D }, () => 2 * random() - 1);
  return { examples: B, steps: T, inputs: { x, y: Float32Array.from({ length: B }, () => Math.floor(K * random())) } };
});

const train = async (session: Session, from: number, to: number): Promise<number[]> => {
  const losses: number[] = [];
  for (const batch of batches.slice(from, to)) losses.push((await session.train(batch, { lr: 0.03, clip: 1 })).loss);
  return losses;
};

const undisturbed = new Map<string, Promise<readonly number[]>>();

/** The losses of a training on a backend of its own. */
function alone(cell: string, target: Target = glsl): Promise<readonly number[]> {
  const key = `${cell} ${target.name}`;
  const known = undisturbed.get(key) ?? trainedAlone(executableOf(cell, target));
  undisturbed.set(key, known);
  return known;
}

async function trainedAlone(executable: Executable): Promise<readonly number[]> {
  const backend = await page.backend({ kind: executable.plan.target as "glsl" | "wgsl" });
  try {
    return await train(await Session.open(executable, backend, { seed: 7 }), 0, batches.length);
  } finally {
    backend.close();
  }
}

test("several backends and executables take turns, are closed in any order, and opened again", async () => {
  const [bnlstm, lstm] = [executableOf("noisy_bnlstm"), executableOf("lstm")];
  const [expectedBnlstm, expectedLstm] = [await alone("noisy_bnlstm"), await alone("lstm")];
  const [first, second] = [await page.backend(), await page.backend()];
  const open = (backend: Backend, executable: Executable) => Session.open(executable, backend, { seed: 7 });
  const [a, b, c] = [await open(first, bnlstm), await open(first, lstm), await open(second, bnlstm)];
  const losses: [number[], number[], number[]] = [[], [], []];
  for (let k = 0; k < 4; k++)
    for (const [i, session] of [a, b, c].entries()) losses[i].push(...(await train(session, k, k + 1)));
  // One executable goes, and its textures and framebuffers with it; the other goes on.
  a.close();
  losses[1].push(...(await train(b, 4, 6)));
  // The first backend goes, and the second goes on.
  first.close();
  losses[2].push(...(await train(c, 4, 8)));
  const third = await page.backend();
  const d = await open(third, lstm);
  expect(await train(d, 0, 8)).toEqual(expectedLstm);
  expect(losses[0]).toEqual(expectedBnlstm.slice(0, 4));
  expect(losses[1]).toEqual(expectedLstm.slice(0, 6));
  expect(losses[2]).toEqual(expectedBnlstm);
  second.close();
  third.close();
});

test("backends that are closed leave nothing behind: more can be opened than a browser has contexts", async () => {
  const executable = executableOf("lstm");
  for (let k = 0; k < 20; k++) {
    const backend = await page.backend();
    // Chromium warns when it takes the context of another, and the page passes that on.
    await backend.open(executable);
    backend.close();
  }
  expect(await trainedAlone(executable)).toEqual(await alone("lstm"));
});

test("what would run WebGL2 on the processor is refused by name, where that is asked for", async () => {
  expect(await page.page.evaluate("cellcPage.openOnGpu()")).toMatchObject({
    code: "C0503",
    message: expect.stringMatching(/^this browser runs WebGL2 on the processor \(.*SwiftShader/),
  });
});

test("a worker computes what the page does", async () => {
  const executable = executableOf("lstm");
  const infer = executable.plan.entries.infer!;
  const range = rangeOf(infer.tensors.find(({ role }) => role.kind === "output")!, infer, T);
  const parameters = whole("param", 0, infer.regions.param.fixed);
  const numbers = Float32Array.from({ length: parameters.length }, (_, i) => Math.sin(i));
  const calls = [
    ["start", 0, {}],
    ["open", 1, 0, executable],
    ["prepare", 1, T],
    ["write", 1, parameters, Buffer.from(numbers.buffer).toString("base64")],
    ["run", 1, "infer", T, 0],
    ["read", 1, [range]],
    ["stop", 0],
  ] as const;
  const answers = await page.page.evaluate(
    async ([script, calls]) => {
      const answering = "onmessage = async ({ data: [name, ...args] }) => postMessage(await cellcPage[name](...args));";
      const worker = new Worker(URL.createObjectURL(new Blob([script, answering])));
      const found: unknown[] = [];
      for (const call of JSON.parse(calls) as unknown[])
        found.push(
          await new Promise((resolve, reject) => {
            worker.onmessage = ({ data }) => resolve(data);
            worker.onerror = ({ message }) => reject(new Error(message));
            worker.postMessage(call);
          }),
        );
      worker.terminate();
      return found;
    },
    [await bundled("test/targets/webgl2-page.ts"), JSON.stringify(calls)] as const,
  );
  const backend = await page.backend();
  const machine = await backend.open(executable);
  await machine.prepare(T);
  await machine.write(parameters, numbers);
  await machine.run("infer", T);
  const [expected] = await machine.read([range]);
  backend.close();
  expect(expected).not.toContain(0);
  expect(answers[0]).toEqual({ result: "driven" });
  expect(answers[5]).toEqual({ result: [Buffer.from(expected.buffer).toString("base64")] });
});

/** Lets a context of a page be lost at the next call of a method. */
const loseAt = (where: Page, method: string) =>
  where.evaluate((name) => {
    const prototype = WebGL2RenderingContext.prototype as unknown as Record<string, (...args: unknown[]) => unknown>;
    const original = prototype[name];
    prototype[name] = function (this: WebGL2RenderingContext, ...args) {
      prototype[name] = original;
      this.getExtension("WEBGL_lose_context")!.loseContext();
      return original.apply(this, args);
    };
  }, method);

test.each([
  ["drawArrays", "lstm"],
  ["texSubImage2D", "lstm"],
  ["clientWaitSync", "lstm"],
  ["getBufferSubData", "noisy_bnlstm"],
])(
  "a context that is lost at %s is an error, and training goes on from memory as if nothing had happened, with %s",
  async (method, cell) => {
    const executable = executableOf(cell);
    const expected = await alone(cell);
    const doomed = await page.backend();
    const session = await Session.open(executable, doomed, { seed: 7 });
    const losses = await train(session, 0, 4);
    const state = await session.state();
    await loseAt(page.page, method);
    await expect(train(session, 4, 5)).rejects.toMatchObject({ code: "C0503" });
    // Nothing that comes later says zero.
    await expect(train(session, 4, 5)).rejects.toMatchObject({ code: "C0503" });
    await expect(session.state()).rejects.toMatchObject({ code: "C0503" });
    await expect(session.infer(batches[0])).rejects.toMatchObject({ code: "C0503" });
    await expect(doomed.open(executable)).rejects.toMatchObject({ code: "C0503" });
    doomed.close();
    const backend = await page.backend();
    const resumed = await Session.open(executable, backend, { state });
    losses.push(...(await train(resumed, 4, 8)));
    expect(losses).toEqual(expected);
    backend.close();
  },
);

test("a WebGPU device that is destroyed is an error, and training goes on from memory as if nothing had happened", async () => {
  const executable = executableOf("lstm", wgsl);
  const expected = await alone("lstm", wgsl);
  const devices = await page.page.evaluateHandle(() => {
    const { requestDevice } = GPUAdapter.prototype;
    const made: GPUDevice[] = [];
    GPUAdapter.prototype.requestDevice = async function (...args) {
      const device = await requestDevice.apply(this, args);
      made.push(device);
      return device;
    };
    return made;
  });
  const doomed = await page.backend({ kind: "wgsl" });
  const session = await Session.open(executable, doomed, { seed: 7 });
  const losses = await train(session, 0, 4);
  const state = await session.state();
  const running = train(session, 4, 8);
  const [verdict] = await Promise.allSettled([running, devices.evaluate(([device]) => device.destroy())]);
  expect(verdict).toMatchObject({ status: "rejected", reason: { code: "C0503" } });
  await expect(session.state()).rejects.toMatchObject({ code: "C0503" });
  const backend = await page.backend({ kind: "wgsl" });
  const resumed = await Session.open(executable, backend, { state });
  losses.push(...(await train(resumed, 4, 8)));
  expect(losses).toEqual(expected);
  backend.close();
});

/** Evaluates expressions in a tab that another tab covers. */
async function inHiddenTab(act: (evaluate: (expression: string) => Promise<unknown>) => Promise<void>): Promise<void> {
  // Playwright asks Chromium to treat covered tabs, and those that it opens, as if they were seen.
  const ignoreDefaultArgs = [
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
  ];
  const own = await chromium.launch({ executablePath: CHROMIUM, args: chromiumFlags, ignoreDefaultArgs });
  try {
    const devtools = await own.newBrowserCDPSession();
    const { targetId } = await devtools.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await devtools.send("Target.attachToTarget", { targetId });
    const waiting = new Map<number, (answer: unknown) => void>();
    devtools.on("Target.receivedMessageFromTarget", ({ message }) => {
      const { id, result } = JSON.parse(message) as { readonly id: number; readonly result: { result: Evaluated } };
      waiting.get(id)?.(result.result.value);
    });
    const evaluate = (expression: string): Promise<unknown> =>
      new Promise((resolve) => {
        const id = waiting.size;
        waiting.set(id, resolve);
        const params = { expression, awaitPromise: true, returnByValue: true };
        const message = JSON.stringify({ id, method: "Runtime.evaluate", params });
        void devtools.send("Target.sendMessageToTarget", { sessionId, message });
      });
    await evaluate("document.visibilityState");
    await devtools.send("Target.createTarget", { url: "about:blank" });
    await act(evaluate);
  } finally {
    await own.close();
  }
}

interface Evaluated {
  readonly value?: unknown;
}

test("a page that nobody sees reads back without a timer, of which such a page has one a second", async () => {
  const executable = executableOf("lstm");
  const infer = executable.plan.entries.infer!;
  const range = rangeOf(infer.tensors.find(({ role }) => role.kind === "loss")!, infer, 200);
  await inHiddenTab(async (evaluate) => {
    await evaluate(await bundled("test/targets/webgl2-page.ts"));
    expect(await evaluate("cellcPage.start(0, {})")).toEqual({ result: "driven" });
    await evaluate(`cellcPage.open(1, 0, ${JSON.stringify(executable)})`);
    await evaluate("cellcPage.prepare(1, 200)");
    const read = `cellcPage.run(1, "infer", 200, 0).then(() => cellcPage.read(1, [${JSON.stringify(range)}]))`;
    await expect.poll(() => evaluate("document.visibilityState")).toBe("hidden");
    expect(await evaluate(read)).toEqual({ result: [expect.any(String)] });
    await evaluate(`globalThis.timers = [];
      for (const name of ["setTimeout", "setInterval", "requestAnimationFrame", "requestIdleCallback"]) {
        const plain = globalThis[name];
        globalThis[name] = (...args) => (timers.push(name), plain(...args));
      }`);
    expect(await evaluate(`(async () => { for (let k = 0; k < 8; k++) await ${read}; return timers; })()`)).toEqual([]);
    expect(await evaluate("(setTimeout(() => {}), timers)")).toEqual(["setTimeout"]);
  });
});

test("a module's backend trains with shadows as any other, and without them refuses what needs them", async () => {
  const { backend: open } = await backendPage(browser);
  const executable = executableOf("lstm");
  const backend = await open({ module: "training" });
  const session = await Session.open(executable, backend, { seed: 7 });
  expect(await train(session, 0, 3)).toEqual((await alone("lstm")).slice(0, 3));
  const without = await open({ module: "inference" });
  await expect(Session.open(executable, without, { seed: 7 })).rejects.toThrow("names no shadows");
  without.close();
  backend.close();
});
