/** ONNX Runtime, as WebAssembly: the one that the tests install. */
import * as ort from "onnxruntime-web";
import type { RunOnnx } from "./exported.ts";

ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

export const runOnnx: RunOnnx = async (bytes, feeds) => {
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });
  try {
    const given = Object.entries(feeds).map(([name, { element, dims, data }]) => [
      name,
      new ort.Tensor(element, data, dims),
    ]);
    const found = await session.run(Object.fromEntries(given));
    return Object.fromEntries(
      Object.entries(found).map(([name, { dims, data }]) => [name, { dims, data: data as Float32Array }]),
    );
  } finally {
    await session.release();
  }
};
