/** Threads of the wasm backend: the same numbers as one thread, and no deadlocks. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker as NodeWorker } from "node:worker_threads";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { compile as assemble } from "watr";
import type { LoadedExecutable } from "../../runtime/backend.ts";
import { whole } from "../../runtime/layout.ts";
import type { Executable } from "../../runtime/plan.ts";
import { sealed } from "../../runtime/seal.ts";
import { Session } from "../../runtime/session.ts";
import { type WasmBackend, wasmBackend } from "../../runtime/wasm/wasm.ts";
import { batchOf, leaky } from "./leaky.ts";
import { WebWorker } from "./web-worker.ts";

const run = promisify(execFile);
/** Splits everything that has more than one workgroup, since the plans of tests are small. */
const costs = { barrier: 0, start: 0 };

/** The results of two training steps and an inference: every number in a checkpoint, and the outputs. */
async function trained(executable: Executable, backend: WasmBackend): Promise<unknown> {
  const session = await Session.open(executable, backend, { seed: 3 });
  const reports = [];
  for (const [index, steps] of [4, 9].entries()) reports.push(await session.train(batchOf(steps, index), { lr: 0.1 }));
  const result = await session.infer(batchOf(6));
  const { tensors } = await session.state();
  session.close();
  return { reports, result, tensors };
}

describe.each([2, 3, 5])("with %i threads", (threads) => {
  let backend: WasmBackend;
  let alone: WasmBackend;
  beforeAll(() => {
    backend = wasmBackend({ threads, costs });
    alone = wasmBackend({ threads: 1 });
  });
  afterAll(() => backend.close());

  test("training and inference give the bits of one thread, and memory may grow between runs", async () => {
    expect(await trained(leaky("wasm"), backend)).toEqual(await trained(leaky("wasm"), alone));
    expect(backend.threads).toBe(threads);
  });

  test("two machines do not disturb each other", async () => {
    const machines: LoadedExecutable[] = [await backend.open(leaky("wasm")), await backend.open(leaky("wasm"))];
    const sizes = [3, 8];
    const results = await Promise.all(
      machines.map(async (machine, index) => {
        await machine.prepare(sizes[index]);
        await machine.write(whole("input", 0, 16), new Float32Array(16).fill(index + 1));
        for (let i = 0; i < 20; i++) await machine.run("infer", sizes[index]);
        return machine.read([whole("work", 0, 16 * (sizes[index] + 2))]);
      }),
    );
    for (const [index, [work]] of results.entries()) {
      const machine = await alone.open(leaky("wasm"));
      await machine.prepare(sizes[index]);
      await machine.write(whole("input", 0, 16), new Float32Array(16).fill(index + 1));
      await machine.run("infer", sizes[index]);
      expect([work]).toEqual(await machine.read([whole("work", 0, 16 * (sizes[index] + 2))]));
    }
    for (const machine of machines) machine.close();
  });

  test("a kernel that traps in any thread is the error of one thread, and the machine runs on", async () => {
    const steps = 2 * threads;
    for (const group of [0, steps - 1]) {
      const executable = trapping("error", group);
      const session = await Session.open(executable, backend, { seed: 1 });
      const failure = session.run("train", batchOf(steps));
      const expected = (await Session.open(executable, alone, { seed: 1 })).run("train", batchOf(steps));
      const thrown = await expected.catch((error: unknown) => error);
      await expect(failure).rejects.toEqual(thrown);
      expect(thrown).toMatchObject({
        code: "C0506",
        message: expect.stringContaining("kernel `error` of entry `train`"),
      });
      await session.run("update", batchOf(steps));
      // Inference has other kernels, which do not trap.
      await session.run("infer", batchOf(steps));
      session.close();
    }
  });
});

/** The small model with a kernel that traps in one workgroup. */
function trapping(kernel: string, group: number): Executable {
  const { plan, code } = leaky("wasm");
  if (code.kind !== "wasm") throw new Error("not a module");
  const start = code.text.indexOf(`(export "${kernel}")`);
  const at = code.text.indexOf("(br_if $done", start);
  const trap = `(if (i32.eq (local.get $g) (i32.const ${group})) (then unreachable))\n`;
  const text = code.text.slice(0, at) + trap + code.text.slice(at);
  return { plan, code: sealed(plan, { kind: "wasm", text, binary: assemble(text) }) };
}

test("10,000 short runs neither hang nor leak", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const backend = wasmBackend({ threads: 2, costs });
  const machine = await backend.open(leaky("wasm"));
  await machine.prepare(6);
  const runs = async (count: number) => {
    for (let i = 0; i < count; i++) await machine.run("infer", 1 + (i % 6));
    collect();
    return { heap: process.memoryUsage().heapUsed, resources: process.getActiveResourcesInfo().length };
  };
  const before = await runs(1000);
  const after = await runs(10_000);
  expect(after.resources).toBe(before.resources);
  // A hundred bytes a run would be a megabyte.
  expect(after.heap - before.heap).toBeLessThan(1_000_000);
  backend.close();
});

test("a closed machine is forgotten, and a closed backend's machines are refused", async () => {
  const backend = wasmBackend({ threads: 2, costs });
  const [first, second] = [await backend.open(leaky("wasm")), await backend.open(leaky("wasm"))];
  for (const machine of [first, second]) {
    await machine.prepare(4);
    await machine.run("infer", 4);
  }
  first.close();
  await expect(first.run("infer", 4)).rejects.toMatchObject({ code: "C0508" });
  await second.run("infer", 4);
  backend.close();
  expect(backend.threads).toBe(1);
  await expect(second.run("infer", 4)).rejects.toMatchObject({ code: "C0508" });
  await expect(backend.open(leaky("wasm"))).rejects.toMatchObject({ code: "C0508" });
});

test("threads are a whole number from 1 on", () => {
  for (const threads of [0, -1, 1.5, Number.NaN]) expect(() => wasmBackend({ threads })).toThrow("threads");
});

describe("on a web page", () => {
  beforeEach(() => {
    vi.stubGlobal("Worker", WebWorker);
    Object.assign(WebWorker, { started: 0, ended: 0 });
  });
  afterEach(() => vi.unstubAllGlobals());

  test("training and inference give the bits of one thread", async () => {
    const backend = wasmBackend({ threads: 3, costs });
    const alone = wasmBackend({ threads: 1 });
    expect(await trained(leaky("wasm"), backend)).toEqual(await trained(leaky("wasm"), alone));
    expect(backend.threads).toBe(3);
    backend.close();
    expect([WebWorker.started, WebWorker.ended]).toEqual([2, 2]);
  });

  test("workers start when they are wanted first, one less than there are workgroups at most", async () => {
    const backend = wasmBackend({ threads: 5, costs });
    const machine = await backend.open(leaky("wasm"));
    await machine.prepare(5);
    expect(WebWorker.started).toBe(0);
    await machine.run("infer", 3);
    expect(WebWorker.started).toBe(2);
    await machine.run("infer", 5);
    expect(WebWorker.started).toBe(4);
    expect(backend.threads).toBe(5);
    backend.close();
  });

  test("a main thread that may not sleep spins", async () => {
    const wait = Atomics.wait;
    vi.stubGlobal("Atomics", {
      ...Object.fromEntries(Object.getOwnPropertyNames(Atomics).map((name) => [name, Reflect.get(Atomics, name)])),
      wait: () => {
        throw new TypeError("Atomics.wait cannot be called in this context");
      },
    });
    expect(Atomics.wait).not.toBe(wait);
    const backend = wasmBackend({ threads: 2, costs });
    expect(await trained(leaky("wasm"), backend)).toEqual(await trained(leaky("wasm"), wasmBackend({ threads: 1 })));
    expect(backend.threads).toBe(2);
    backend.close();
  });
});

describe("where threads are not available", () => {
  afterEach(() => vi.unstubAllGlobals());

  const runsAlone = async (backend: WasmBackend) => {
    expect(await trained(leaky("wasm"), backend)).toEqual(await trained(leaky("wasm"), wasmBackend({ threads: 1 })));
    expect(backend.threads).toBe(1);
  };

  test("a page that is not isolated has one", async () => {
    vi.stubGlobal("crossOriginIsolated", false);
    await runsAlone(wasmBackend({ threads: 3, costs }));
  });

  test("an engine without shared memory has one", async () => {
    vi.stubGlobal("SharedArrayBuffer", undefined);
    await runsAlone(wasmBackend({ threads: 3, costs }));
  });

  test("a page that forbids workers has one", async () => {
    vi.stubGlobal(
      "Worker",
      class {
        constructor() {
          throw new DOMException("forbidden", "SecurityError");
        }
      },
    );
    await runsAlone(wasmBackend({ threads: 3, costs }));
  });

  test("a worker whose text does not load leaves one", async () => {
    vi.stubGlobal(
      "Worker",
      class {
        onerror = () => {};
        postMessage() {
          setTimeout(() => this.onerror());
        }
        terminate() {}
      },
    );
    const backend = wasmBackend({ threads: 3, costs });
    await runsAlone(backend);
    // Later machines, too, though the first was made for three.
    await runsAlone(backend);
  });
});

test("Node's workers are Node's, also under the web's name, as onnxruntime-web leaves them", async ({
  onTestFinished,
}) => {
  vi.stubGlobal("Worker", NodeWorker);
  onTestFinished(() => void vi.unstubAllGlobals());
  const backend = wasmBackend({ threads: 3, costs });
  expect(await trained(leaky("wasm"), backend)).toEqual(await trained(leaky("wasm"), wasmBackend({ threads: 1 })));
  expect(backend.threads).toBe(3);
  backend.close();
});

describe("in a process of its own, from the sources", () => {
  const program = (end: string) => `
    import { wasmBackend } from "./runtime/wasm/wasm.ts";
    import { leaky } from "./test/runtime/leaky.ts";
    const backend = wasmBackend({ threads: 3, costs: { barrier: 0, start: 0 } });
    const machine = await backend.open(leaky("wasm"));
    await machine.prepare(6);
    await machine.run("infer", 6);
    console.log(backend.threads);
    ${end}`;
  const node = async (text: string) => {
    const args = ["--import", "tsx", "--input-type=module", "--eval", text];
    return (await run(process.execPath, args, { timeout: 60_000 })).stdout;
  };

  test("Node exits when the backend is closed", async () => {
    expect(await node(program("backend.close();"))).toBe("3\n");
  });

  test("Node exits although workers sleep", async () => {
    expect(await node(program(""))).toBe("3\n");
  });
});
