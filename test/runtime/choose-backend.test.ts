import { expect, test } from "vitest";
import { backendRows, firstBackend, openBackend } from "../../runtime/choose-backend.ts";
import { codeKinds } from "../../runtime/code-kinds.ts";
import { findAdapter } from "../../runtime/webgpu/adapter.ts";

test("there is a row for each kind of code", () => {
  expect(Object.keys(backendRows).sort()).toEqual(Object.keys(codeKinds).sort());
});

test("what runs anywhere is tried last", () => {
  expect(Object.keys(backendRows).at(-1)).toBe("wasm");
});

test("a backend is opened by its name, without a reason", async () => {
  for (const name of ["wgsl", "wasm"] as const) {
    const backend = await openBackend({ backend: name });
    expect([backend.name, backend.reason]).toEqual([name, ""]);
    backend.close();
  }
  const few = await openBackend({ backend: "wasm", wasm: { threads: 2, simd: "plain" } });
  expect([few.threads, few.simd]).toEqual([2, "plain"]);
  few.close();
});

test("by default it is the best that the machine has, and the reason says what the better ones lack", async () => {
  const { info } = (await findAdapter()).adapter;
  for (const backend of [await openBackend(), await openBackend({ backend: "auto" })]) {
    expect([backend.name, backend.reason]).toEqual(
      info.isFallbackAdapter
        ? [
            "wasm",
            `WebGPU: the only adapter is a program on the processor (${info.architecture}); ` +
              "WebGL2: WebGL2 is there in web pages and their workers only",
          ]
        : ["wgsl", ""],
    );
    backend.close();
  }
});

test("if none does, the error lists each with its reason, and nothing stays open", async () => {
  let closed = 0;
  const none = firstBackend({}, (name, open) => {
    if (name !== "wasm") return "it was not compiled for it";
    if (open === undefined) return undefined;
    const { close } = open;
    Object.assign(open, {
      close() {
        closed++;
        close();
      },
    });
    return "it has too few threads";
  });
  await expect(none).rejects.toMatchObject({
    code: "C0509",
    message:
      "no backend here can run it: WebGPU: it was not compiled for it; WebGL2: it was not compiled for it; WebAssembly: it has too few threads",
  });
  expect(closed).toBe(1);
});

test("a fault of the caller's is no reason to choose another", async () => {
  await expect(openBackend({ wasm: { threads: -1 } })).rejects.toMatchObject({ code: "C0406" });
  await expect(openBackend({ backend: "webgpu" } as never)).rejects.toMatchObject({
    code: "C0406",
    message: '`backend` is auto, wgsl, glsl, wasm, not "webgpu"',
  });
});
