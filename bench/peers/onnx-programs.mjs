/**
 * What ONNX Runtime is asked to run, natively and as WebAssembly; inference only. A whole sequence goes through what
 * `cellc export --to onnx` writes of our cell, with the op for it or with Scan. For one step at a time the model is one `LSTM` op (ONNX
 * operator set 14) with its weights as initializers, made here.
 */
import onnxProto from "onnx-proto";
import { exportedModel } from "./exported-model.ts";
import { ours, reorder, transpose } from "./gates.ts";
import { numbersOf } from "./serve.ts";

const { onnx } = onnxProto;

/** ONNX orders the gates i, o, f, candidate, and weights act on the left. */
const iofc = "iofg";

/** The `build` of `serve`, for a package's `Tensor` class and for a function that opens a session of a model's bytes. */
export const programs = (Tensor, open) => async (job) => {
  if (job.kind === "train") throw new Error("ONNX Runtime is asked for inference only");
  const numbers = numbersOf(job);
  return job.kind === "sequence"
    ? sequence(job, numbers, Tensor, await open(exportedModel(job, numbers)))
    : stream(job, numbers, Tensor, await open(stepModel(job, numbers)));
};

/** A run is one call. The examples come first there. */
function sequence({ T, B, D, H }, numbers, Tensor, session) {
  const x = new Float32Array(T * B * D);
  for (let t = 0; t < T; t++)
    for (let b = 0; b < B; b++) x.set(numbers.x.subarray((t * B + b) * D, (t * B + b + 1) * D), (b * T + t) * D);
  const feeds = { x: new Tensor("float32", x, [B, T, D]) };
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

/** A run is T calls. */
function stream({ T, B, D, H }, numbers, Tensor, session) {
  const zero = () => new Tensor("float32", new Float32Array(B * H), [1, B, H]);
  const input = (t) => new Tensor("float32", numbers.x.subarray(t * B * D, (t + 1) * B * D), [1, B, D]);
  let h = zero();
  return {
    run: async () => {
      h = zero();
      let c = zero();
      for (let t = 0; t < T; t++) {
        const next = await session.run({ X: input(t), h, c }, ["Y_h", "Y_c"]);
        h = next.Y_h;
        c = next.Y_c;
      }
    },
    check: () => ({ values: [...h.data] }),
  };
}

function stepModel({ cell, D, H, B }, numbers) {
  if (cell !== "lstm") throw new Error(`ONNX has no op for ${cell}`);
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
