/**
 * ONNX Runtime, inference only: `onnx.mjs THREADS`. A whole sequence goes through what `cellc export --to onnx` writes of our cell, with
 * the op for it or with Scan. For one step at a time the model is one `LSTM` op (ONNX operator set 14) with its weights as initializers,
 * made here.
 */
import onnxProto from "onnx-proto";
import * as ort from "onnxruntime-node";
import { exportedModel } from "./exported-model.ts";
import { ours, reorder, transpose } from "./gates.ts";
import { numbersOf, serve, versionOf } from "./serve.ts";

const { onnx } = onnxProto;
const threads = Number(process.argv[2]);

/** ONNX orders the gates i, o, f, candidate, and weights act on the left. */
const iofc = "iofg";

const open = (bytes) =>
  ort.InferenceSession.create(bytes, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    // Warnings about the rank of a loop's first state.
    logSeverityLevel: 3,
  });

async function build(job) {
  if (job.kind === "train") throw new Error("ONNX Runtime is asked for inference only");
  return job.kind === "sequence" ? sequence(job) : stream(job);
}

/** A run is one call. The examples come first there. */
async function sequence(job) {
  const { T, B, D, H } = job;
  const numbers = numbersOf(job);
  const session = await open(exportedModel(job, numbers));
  const x = new Float32Array(T * B * D);
  for (let t = 0; t < T; t++)
    for (let b = 0; b < B; b++) x.set(numbers.x.subarray((t * B + b) * D, (t * B + b + 1) * D), (b * T + t) * D);
  const feeds = { x: new ort.Tensor("float32", x, [B, T, D]) };
  let h;
  return {
    run: async () => {
      ({ h } = await session.run(feeds));
    },
    check: () => ({ values: Array.from({ length: B * H }, (_, i) => lastOf(h.data, i, T, H)) }),
  };
}

/** Of the last step of an example: number `i` of [B, H]. */
const lastOf = (data, i, T, H) => data[(Math.floor(i / H) * T + T - 1) * H + (i % H)];

async function stream(job) {
  if (job.cell !== "lstm") throw new Error(`ONNX has no op for ${job.cell}`);
  const { T, B, D, H } = job;
  const numbers = numbersOf(job);
  const session = await open(model(job, numbers));
  const zero = () => new ort.Tensor("float32", new Float32Array(B * H), [1, B, H]);
  const input = (from, to) =>
    new ort.Tensor("float32", numbers.x.subarray(from * B * D, to * B * D), [to - from, B, D]);
  let h = zero();
  return {
    run: async () => {
      h = zero();
      let c = zero();
      for (let t = 0; t < T; t++) {
        const next = await session.run({ X: input(t, t + 1), h, c }, ["Y_h", "Y_c"]);
        h = next.Y_h;
        c = next.Y_c;
      }
    },
    check: () => ({ values: [...h.data] }),
  };
}

function model({ D, H, B }, numbers) {
  const FLOAT = onnx.TensorProto.DataType.FLOAT;
  const tensor = (name, dims, data) => ({ name, dims, dataType: FLOAT, floatData: [...data] });
  const value = (name, dims) => ({
    name,
    type: {
      tensorType: {
        elemType: FLOAT,
        shape: { dim: dims.map((d) => (typeof d === "string" ? { dimParam: d } : { dimValue: d })) },
      },
    },
  });
  const weight = (data) => transpose(reorder(data, H, ours, iofc), 4 * H);
  const graph = {
    name: "lstm",
    node: [
      {
        opType: "LSTM",
        input: ["X", "W", "R", "B", "", "h", "c"],
        output: ["Y", "Y_h", "Y_c"],
        attribute: [{ name: "hidden_size", type: onnx.AttributeProto.AttributeType.INT, i: H }],
      },
    ],
    initializer: [
      tensor("W", [1, 4 * H, D], weight(numbers.Wx)),
      tensor("R", [1, 4 * H, H], weight(numbers.Wh)),
      // A bias for each product.
      tensor("B", [1, 8 * H], [...reorder(numbers.b, H, ours, iofc), ...new Float32Array(4 * H)]),
    ],
    input: [value("X", ["T", B, D]), value("h", [1, B, H]), value("c", [1, B, H])],
    output: [value("Y", ["T", 1, B, H]), value("Y_h", [1, B, H]), value("Y_c", [1, B, H])],
  };
  // IR version 7 goes with operator set 14, the first whose LSTM is today's.
  return onnx.ModelProto.encode({ irVersion: 7, opsetImport: [{ domain: "", version: 14 }], graph }).finish();
}

await serve({ "onnxruntime-node": versionOf("onnxruntime-node"), threads: `${threads}` }, build);
