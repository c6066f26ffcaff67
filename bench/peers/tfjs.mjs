/**
 * TensorFlow.js on its wasm backend, which in Node has SIMD and one thread (its `WASM_HAS_MULTITHREAD_SUPPORT` is false there).
 *
 * - `layer`: `tf.layers.lstm`, differentiated by `tf.variableGrads`. Its wasm backend has every kernel that this needs.
 * - `cell`: a step at a time `tf.basicLSTMCell`; with norms a cell written with ops, differentiated by `tf.valueAndGrads`.
 */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths, version_wasm } from "@tensorflow/tfjs-backend-wasm";
import { ours, reorder } from "./gates.ts";
import { numbersOf, serve } from "./serve.ts";

const resolve = createRequire(import.meta.url).resolve;
setWasmPaths(`${dirname(resolve("@tensorflow/tfjs-backend-wasm"))}/`);
await tf.setBackend("wasm");
await tf.ready();
const simd = await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT");
const threads = await tf.env().getAsync("WASM_HAS_MULTITHREAD_SUPPORT");

/** Keras orders the gates i, f, candidate, o; `basicLSTMCell` i, candidate, f, o. */
const keras = "ifgo";
const basic = "igfo";
const EPS = 1e-5;

function build(job) {
  const numbers = numbersOf(job);
  switch (job.kind) {
    case "train":
      return job.form === "layer" ? trainLayer(job, numbers) : trainCell(job, numbers);
    case "sequence":
      return job.form === "layer" ? predict(job, numbers) : sequence(job, numbers);
    default:
      return stream(job, numbers);
  }
}

/** Examples first, as its layers want them: [T, B, n] → [B, T, n]. */
const examplesFirst = (data, { T, B }, n) => tf.tidy(() => tf.transpose(tf.tensor3d(data, [T, B, n]), [1, 0, 2]));

function layerOf({ T, D, H, B }, numbers) {
  const layer = tf.layers.lstm({
    units: H,
    returnSequences: true,
    recurrentActivation: "sigmoid",
    kernelInitializer: "zeros",
    recurrentInitializer: "zeros",
  });
  // The first call builds it.
  tf.dispose(layer.apply(tf.zeros([B, T, D])));
  layer.setWeights([
    tf.tensor2d(reorder(numbers.Wx, H, ours, keras), [D, 4 * H]),
    tf.tensor2d(reorder(numbers.Wh, H, ours, keras), [H, 4 * H]),
    tf.tensor1d(reorder(numbers.b, H, ours, keras)),
  ]);
  return layer;
}

function trainLayer(job, numbers) {
  const { T, B, D, H } = job;
  const layer = layerOf(job, numbers);
  const x = examplesFirst(numbers.x, job, D);
  const w = examplesFirst(numbers.d_h, job, H);
  const loss = () => tf.div(tf.sum(tf.mul(layer.apply(x, { training: true }), w)), T * B);
  const weights = layer.trainableWeights.map((weight) => weight.val);
  let last;
  return {
    run: async () => {
      const { value, grads } = tf.variableGrads(loss, weights);
      const bias = grads[weights[2].name];
      last = { loss: (await value.data())[0], values: await bias.data() };
      tf.dispose([value, grads]);
    },
    check: () => ({ loss: last.loss, values: [...reorder(last.values, H, keras, ours)] }),
  };
}

function trainCell(job, numbers) {
  const { T, B, H } = job;
  const { params, names, step, order } = cellOf(job, numbers);
  const xs = tf.unstack(tf.tensor3d(numbers.x, [T, B, job.D]));
  const ws = tf.unstack(tf.tensor3d(numbers.d_h, [T, B, H]));
  const loss = (...params) => {
    let [c, h] = [tf.zeros([B, H]), tf.zeros([B, H])];
    let total = tf.scalar(0);
    for (let t = 0; t < T; t++) {
      [c, h] = step(params, xs[t], c, h);
      total = tf.add(total, tf.sum(tf.mul(h, ws[t])));
    }
    return tf.div(total, T * B);
  };
  const differentiate = tf.valueAndGrads(loss);
  let last;
  return {
    run: async () => {
      const { value, grads } = differentiate(params);
      last = { loss: (await value.data())[0], values: await grads[names.indexOf("b")].data() };
      tf.dispose([value, grads]);
    },
    check: () => ({ loss: last.loss, values: [...reorder(last.values, H, order, ours)] }),
  };
}

function predict(job, numbers) {
  const { T, B, D, H } = job;
  const layer = layerOf(job, numbers);
  const x = examplesFirst(numbers.x, job, D);
  let hs;
  return {
    run: async () => {
      const output = tf.tidy(() => layer.apply(x));
      hs = await output.data();
      output.dispose();
    },
    // [B, T, H] with one example.
    check: () => ({ values: [...hs.slice((T - 1) * B * H)] }),
  };
}

function sequence(job, numbers) {
  const { T, B, D, H } = job;
  const { params, step } = cellOf(job, numbers);
  const xs = tf.unstack(tf.tensor3d(numbers.x, [T, B, D]));
  let last;
  return {
    run: async () => {
      const hs = tf.tidy(() => {
        let [c, h] = [tf.zeros([B, H]), tf.zeros([B, H])];
        const all = xs.map((x) => {
          [c, h] = step(params, x, c, h);
          return h;
        });
        return tf.stack(all);
      });
      last = await hs.data();
      hs.dispose();
    },
    check: () => ({ values: [...last.slice((T - 1) * B * H)] }),
  };
}

function stream(job, numbers) {
  const { T, B, D, H } = job;
  const { params, step } = cellOf(job, numbers);
  let last;
  return {
    run: () => {
      let state = [tf.zeros([B, H]), tf.zeros([B, H])];
      for (let t = 0; t < T; t++) {
        const next = tf.tidy(() => {
          const x = tf.tensor2d(numbers.x.subarray(t * B * D, (t + 1) * B * D), [B, D]);
          return step(params, x, ...state);
        });
        last = next[1].dataSync();
        tf.dispose(state);
        state = next;
      }
      tf.dispose(state);
    },
    check: () => ({ values: [...last] }),
  };
}

/** Parameters, and a step of them, x [B, D], c and h to the next c and h. */
function cellOf({ cell, kind, D, H }, numbers) {
  if (cell === "lstm") {
    // One kernel for both products: its rows are those of Wx, then those of Wh.
    const kernel = tf.tensor2d(
      [...reorder(numbers.Wx, H, ours, basic), ...reorder(numbers.Wh, H, ours, basic)],
      [D + H, 4 * H],
    );
    const forget = tf.scalar(0);
    return {
      params: [kernel, tf.tensor1d(reorder(numbers.b, H, ours, basic))],
      names: ["W", "b"],
      order: basic,
      step: ([kernel, b], x, c, h) => tf.basicLSTMCell(forget, kernel, b, x, c, h),
    };
  }
  const names = ["Wx", "Wh", "b", "hh/g", "xh/g", "cc/g", "cc/k"];
  const shapes = { Wx: [D, 4 * H], Wh: [H, 4 * H] };
  const own = (a, gain) => {
    const { mean, variance } = tf.moments(a, 0);
    return tf.mul(tf.sub(a, mean), tf.mul(gain, tf.rsqrt(tf.add(variance, EPS))));
  };
  const population = (site) => {
    const mean = tf.tensor1d(numbers[`${site}/m`]);
    const scale = tf.rsqrt(tf.add(tf.tensor1d(numbers[`${site}/v`]), EPS));
    return (a, gain) => tf.mul(tf.sub(a, mean), tf.mul(gain, scale));
  };
  const [hh, xh, cc] = kind === "train" ? [own, own, own] : ["hh", "xh", "cc"].map(population);
  return {
    params: names.map((name) => tf.tensor(numbers[name], shapes[name])),
    names,
    order: ours,
    step: ([Wx, Wh, b, gh, gx, gc, k], x, c, h) => {
      const a = tf.add(tf.add(hh(tf.matMul(h, Wh), gh), xh(tf.matMul(x, Wx), gx)), b);
      const [f, i, o, g] = tf.split(a, 4, 1);
      const next = tf.add(tf.mul(tf.sigmoid(f), c), tf.mul(tf.sigmoid(i), tf.tanh(g)));
      return [next, tf.mul(tf.sigmoid(o), tf.tanh(tf.add(cc(next, gc), k)))];
    },
  };
}

await serve(
  { tfjs: tf.version_core, "tfjs-backend-wasm": version_wasm, simd: `${simd}`, threads: `${threads}` },
  build,
);
