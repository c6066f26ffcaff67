/**
 * ONNX Runtime Web, the package that the tests install: `onnx-web.mjs THREADS`, as WebAssembly with vectors of 128 bits, or
 * `onnx-web.mjs webgpu`, on a GPU. Node has no WebGPU; Dawn's, on which our own kernels run, stands in for it.
 */
import { findAdapter } from "../../runtime/webgpu/adapter.ts";
import { refuseProcessor } from "../targets.ts";
import { programs } from "./onnx-programs.mjs";
import { serve } from "./serve.ts";

const [where] = process.argv.slice(2);
const { ort, device } = where === "webgpu" ? await onGpu() : await onThreads(Number(where));
ort.env.logLevel = "error";

async function onThreads(threads) {
  const ort = await import("onnxruntime-web");
  ort.env.wasm.numThreads = threads;
  return { ort, device: { threads: `${threads}` } };
}

async function onGpu() {
  const { gpu, adapter } = await findAdapter();
  refuseProcessor(adapter.info, adapter.info.description);
  // The package looks for it there.
  Object.defineProperty(globalThis, "navigator", { value: { gpu }, configurable: true });
  copySharedWrites(GPUQueue.prototype);
  return { ort: await import("onnxruntime-web/webgpu"), device: { device: adapter.info.description } };
}

/** Dawn refuses to write from memory that threads share, which all memory of this package is. Browsers take it. */
function copySharedWrites(queue) {
  const { writeBuffer } = queue;
  queue.writeBuffer = function (buffer, offset, data, ...part) {
    const shared = (data.buffer ?? data) instanceof SharedArrayBuffer;
    return writeBuffer.call(this, buffer, offset, shared ? data.slice() : data, ...part);
  };
}

const open = (bytes) =>
  ort.InferenceSession.create(bytes, {
    executionProviders: [where === "webgpu" ? "webgpu" : "wasm"],
    executionMode: "sequential",
    logSeverityLevel: 3,
  });

await serve({ "onnxruntime-web": ort.env.versions.web, ...device }, programs(ort.Tensor, open));
