/** How leaves are written and read: initialisers, policies of statistics, and what each kind of leaf says besides its name. */
import type { Init } from "../../runtime/plan.ts";
import { type Reader, showNumber } from "./text-reader.ts";
import type { Leaf, StatPolicy } from "./types.ts";

const q = (text: string): string => JSON.stringify(text);

function printInit(init: Init): string {
  switch (init.kind) {
    case "constant":
      return `constant(${showNumber(init.value)})`;
    case "uniform":
      return `uniform(${showNumber(init.low)}, ${showNumber(init.high)})`;
    case "normal":
      return `normal(mean=${showNumber(init.mean)}, std=${showNumber(init.std)})`;
    case "xavier":
    case "orthogonal":
    case "identity":
      return `${init.kind}(gain=${showNumber(init.gain)})`;
    case "blocks":
      return `blocks(${init.parts.map(printInit).join(", ")})`;
    case "lengths":
      return `lengths(${q(init.of)})`;
  }
}

function parseInit(r: Reader): Init {
  const kind = r.oneOf(["constant", "uniform", "normal", "xavier", "orthogonal", "identity", "blocks", "lengths"]);
  r.expect("(");
  const named = (name: string): number => {
    r.expect(name);
    r.expect("=");
    return r.number();
  };
  const inside = (): Init => {
    switch (kind) {
      case "constant":
        return { kind, value: r.number() };
      case "uniform": {
        const low = r.number();
        r.expect(",");
        return { kind, low, high: r.number() };
      }
      case "normal": {
        const mean = named("mean");
        r.expect(",");
        return { kind, mean, std: named("std") };
      }
      case "xavier":
      case "orthogonal":
      case "identity":
        return { kind, gain: named("gain") };
      case "blocks":
        return { kind, parts: r.list(")", () => parseInit(r)) };
      case "lengths":
        return { kind, of: r.string() };
    }
  };
  const init = inside();
  if (kind !== "blocks") r.expect(")");
  return init;
}

export const printPolicy = (p: StatPolicy): string => (p.kind === "shared" ? "shared" : `per_step(${p.steps})`);

export function parsePolicy(r: Reader): StatPolicy {
  const kind = r.oneOf(["shared", "per_step"]);
  if (kind === "shared") return { kind };
  r.expect("(");
  const steps = r.dimension();
  r.expect(")");
  return { kind, steps };
}

export function printLeaf(leaf: Leaf): string {
  const head = `${leaf.kind} ${q(leaf.name)}`;
  switch (leaf.kind) {
    case "param":
      return `${head} ${printInit(leaf.init)}`;
    case "index":
      return `${head} size=${leaf.size}`;
    case "noise":
      return leaf.distribution === "bernoulli"
        ? `${head} bernoulli keep=${showNumber(leaf.keep)}`
        : `${head} ${leaf.distribution} scale=${showNumber(leaf.scale)}${leaf.perStep ? " per_step" : ""}`;
    case "population":
      return `${head} ${printPolicy(leaf.policy)}`;
    case "lengths":
      return `${head} ${leaf.mark}`;
    case "flat":
      return `${head} ${leaf.region} slot=${leaf.slot}${leaf.from === undefined ? "" : ` from=${leaf.from}`}`;
    case "input":
      return leaf.target ? `${head} target` : head;
    case "hyper":
    case "step":
    case "carry":
    case "cotangent":
    case "gradient":
      return head;
  }
}

export function parseLeaf(r: Reader): Leaf {
  const kind = r.oneOf([
    ...(["param", "input", "index", "noise", "population", "hyper", "step", "lengths"] as const),
    ...(["carry", "cotangent", "gradient", "flat"] as const),
  ]);
  const name = r.string();
  switch (kind) {
    case "param":
      return { kind, name, init: parseInit(r) };
    case "index":
      r.expect("size");
      r.expect("=");
      return { kind, name, size: r.dimension() };
    case "noise": {
      const distribution = r.oneOf(["normal", "uniform", "bernoulli"]);
      r.expect(distribution === "bernoulli" ? "keep" : "scale");
      r.expect("=");
      const number = r.number();
      return distribution === "bernoulli"
        ? { kind, name, distribution, keep: number }
        : { kind, name, distribution, scale: number, ...(r.take("per_step") && { perStep: true }) };
    }
    case "population":
      return { kind, name, policy: parsePolicy(r) };
    case "lengths":
      return { kind, name, mark: r.oneOf(["valid", "last", "examples", "enough", "until"]) };
    case "flat": {
      const region = r.oneOf(["param", "grad", "slot", "stat", "loss", "skipped"]);
      r.expect("slot");
      r.expect("=");
      const slot = r.number();
      if (!r.take("from")) return { kind, name, region, slot };
      r.expect("=");
      return { kind, name, region, slot, from: r.dimension() };
    }
    case "input":
      return { kind, name, ...(r.take("target") && { target: true }) };
    case "hyper":
    case "step":
    case "carry":
    case "cotangent":
    case "gradient":
      return { kind, name };
  }
}
