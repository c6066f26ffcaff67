/**
 * jax-js on its wasm device, which in Node has one thread (it starts workers where there is a global `Worker`).
 *
 * It has no `scan`, and one `jit` over the whole sequence grows with the square of its length, so a step is what is
 * compiled: `jit` of the gates forwards, and of `valueAndGrad` of the gates backwards, with the products in `jit`s of
 * their own. (As one `jit` a step they are fused with what stands around them, which is computed again for every
 * multiplication: with batch norm more than twice as slow.) Each step is waited for, as its documents advise: what is
 * queued up costs time with the square of its length.
 */
import { blockUntilReady, defaultDevice, init, jit, nn, numpy as np, tree, valueAndGrad } from "@jax-js/jax";
import { numbersOf, serve, versionOf } from "./serve.ts";

await init("wasm");
defaultDevice("wasm");

const EPS = 1e-5;

function build(job) {
  const numbers = numbersOf(job);
  switch (job.kind) {
    case "train":
      return train(job, numbers);
    case "sequence":
      return sequence(job, numbers);
    default:
      return stream(job, numbers);
  }
}

const array = (data, shape) => np.array(data).reshape(shape);

/** `name`, [T, B, n], as T arrays [B, n]. */
const steps = (data, { T, B }, n) =>
  Array.from({ length: T }, (_, t) => array(data.slice(t * B * n, (t + 1) * B * n), [B, n]));

/** Parameters besides the two weights. */
function parametersOf({ cell }, numbers) {
  const vectors = cell === "lstm" ? ["b"] : ["b", "hh/g", "xh/g", "cc/g", "cc/k"];
  return Object.fromEntries(vectors.map((name) => [name, array(numbers[name], [numbers[name].length])]));
}

function own(a, gain) {
  const mean = np.mean(a.ref, 0, { keepdims: true });
  const centred = a.sub(mean);
  const variance = np.mean(np.square(centred.ref), 0, { keepdims: true });
  return centred.mul(gain.div(np.sqrt(variance.add(EPS))));
}

/** A step behind the products hh and xh [B, 4H]. */
function gatesOf({ cell, kind }, numbers) {
  const population = (site) => {
    const mean = numbers[`${site}/m`];
    const spread = numbers[`${site}/v`]?.map((v) => Math.sqrt(v + EPS));
    return (a, gain) => a.sub(np.array(mean)).mul(gain.div(np.array(spread)));
  };
  const norms =
    kind === "train"
      ? { hh: own, xh: own, cc: own }
      : { hh: population("hh"), xh: population("xh"), cc: population("cc") };
  return (p, hh, xh, c) => {
    const a = cell === "lstm" ? hh.add(xh) : norms.hh(hh, p["hh/g"]).add(norms.xh(xh, p["xh/g"]));
    const [f, i, o, g] = np.split(a.add(p.b), 4, 1);
    const next = nn
      .sigmoid(f)
      .mul(c)
      .add(nn.sigmoid(i).mul(np.tanh(g)));
    const cc = cell === "lstm" ? next.ref : norms.cc(next.ref, p["cc/g"]).add(p["cc/k"]);
    return [nn.sigmoid(o).mul(np.tanh(cc)), next];
  };
}

const product = jit((a, b) => np.matmul(a, b));
const productWithTransposed = jit((a, b) => np.matmul(a, np.transpose(b)));
const addOuter = jit((sum, a, b) => sum.add(np.matmul(np.transpose(a), b)));
const add = jit((a, b) => tree.map((x, y) => x.add(y), a, b));

function train(job, numbers) {
  const { T, B, D, H } = job;
  const gates = gatesOf(job, numbers);
  const Wx = array(numbers.Wx, [D, 4 * H]);
  const Wh = array(numbers.Wh, [H, 4 * H]);
  const p = parametersOf(job, numbers);
  const xs = steps(numbers.x, job, D);
  const ws = steps(numbers.d_h, job, H);
  const forward = jit(gates);
  // A scalar whose gradient is the step's vector–Jacobian product; the step's part of the loss comes with it.
  const pairing = (p, hh, xh, c, w, dh, dc) => {
    const [h, next] = gates(p, hh, xh, c);
    const loss = h.ref.mul(w.ref).sum();
    return [h.mul(dh.add(w)).sum().add(next.mul(dc).sum()), loss];
  };
  const differentiated = valueAndGrad(pairing, { argnums: [0, 1, 2, 3], hasAux: true });
  const backward = jit((...args) => {
    const [[value, loss], grads] = differentiated(...args);
    value.dispose();
    return [loss, grads];
  });
  let last;
  return {
    run: async () => {
      const hs = [np.zeros([B, H])];
      const cs = [np.zeros([B, H])];
      const hhs = [];
      const xhs = [];
      for (let t = 0; t < T; t++) {
        hhs.push(product(hs[t].ref, Wh.ref));
        xhs.push(product(xs[t].ref, Wx.ref));
        const [h, c] = forward(tree.ref(p), hhs[t].ref, xhs[t].ref, cs[t].ref);
        hs.push(h);
        cs.push(c);
        await blockUntilReady([h, c]);
      }
      tree.dispose([hs.pop(), cs.pop()]);
      let dh = np.zeros([B, H]);
      let dc = np.zeros([B, H]);
      let loss = np.zeros([]);
      let dWh = np.zeros([H, 4 * H]);
      let dWx = np.zeros([D, 4 * H]);
      let dp = tree.map((a) => np.zeros(a.shape), p);
      for (let t = T - 1; t >= 0; t--) {
        const [l, [gp, dhh, dxh, gc]] = backward(tree.ref(p), hhs[t], xhs[t], cs[t], ws[t].ref, dh, dc);
        dc = gc;
        loss = loss.add(l);
        dp = add(dp, gp);
        dWh = addOuter(dWh, hs[t], dhh.ref);
        dWx = addOuter(dWx, xs[t].ref, dxh);
        dh = productWithTransposed(dhh, Wh.ref);
        await blockUntilReady([dh, dc, dp, dWh, dWx, loss]);
      }
      tree.dispose([dh, dc]);
      await blockUntilReady([loss, dWh, dWx, dp]);
      last = { loss: (await loss.data())[0] / (T * B), values: (await dp.b.ref.data()).map((d) => d / (T * B)) };
      tree.dispose([dWh, dWx, dp]);
    },
    check: () => ({ loss: last.loss, values: [...last.values] }),
  };
}

function sequence(job, numbers) {
  const { T, B, D, H } = job;
  const xs = steps(numbers.x, job, D);
  const advance = inference(job, numbers);
  let last;
  return {
    run: async () => {
      let [h, c] = [np.zeros([B, H]), np.zeros([B, H])];
      const hs = [];
      for (let t = 0; t < T; t++) {
        [h, c] = advance(xs[t].ref, h, c);
        hs.push(h.ref);
        await blockUntilReady([h, c]);
      }
      last = await h.data();
      tree.dispose([c, hs]);
    },
    check: () => ({ values: [...last] }),
  };
}

function stream(job, numbers) {
  const { T, B, D, H } = job;
  const advance = inference(job, numbers);
  let last;
  return {
    run: async () => {
      let [h, c] = [np.zeros([B, H]), np.zeros([B, H])];
      for (let t = 0; t < T; t++) {
        const x = array(numbers.x.slice(t * B * D, (t + 1) * B * D), [B, D]);
        [h, c] = advance(x, h, c);
        last = await h.ref.data();
      }
      tree.dispose([h, c]);
    },
    check: () => ({ values: [...last] }),
  };
}

/** x, h, c → the next h and c. */
function inference(job, numbers) {
  const { D, H } = job;
  const gates = jit(gatesOf(job, numbers));
  const Wx = array(numbers.Wx, [D, 4 * H]);
  const Wh = array(numbers.Wh, [H, 4 * H]);
  const p = parametersOf(job, numbers);
  return (x, h, c) => gates(tree.ref(p), product(h, Wh.ref), product(x, Wx.ref), c);
}

await serve({ "jax-js": versionOf("@jax-js/jax") }, build);
