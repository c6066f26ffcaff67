/** ONNX Runtime as a native library: `onnx.mjs THREADS`. */
import * as ort from "onnxruntime-node";
import { programs } from "./onnx-programs.mjs";
import { serve, versionOf } from "./serve.ts";

const threads = Number(process.argv[2]);

const open = (bytes) =>
  ort.InferenceSession.create(bytes, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    // Warnings about the rank of a loop's first state.
    logSeverityLevel: 3,
  });

const facts = { "onnxruntime-node": versionOf("onnxruntime-node"), threads: `${threads}` };
await serve(facts, programs(ort.Tensor, open));
