/** How leaves are written and read: initialisers, policies of statistics, and what each kind of leaf says besides its name. */
import type { Formula, Init, InitFunction } from "../../runtime/plan.ts";
import { markNames } from "./step-marks.ts";
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
    case "kaiming":
    case "orthogonal":
    case "identity":
      return `${init.kind}(gain=${showNumber(init.gain)})`;
    case "blocks":
      return `blocks(${init.parts.map(printInit).join(", ")})`;
    case "lengths":
    case "copy":
      return `${init.kind}(${q(init.of)})`;
    case "list":
      return `list([${init.shape.join(", ")}], ${init.values.map(showNumber).join(", ")})`;
    case "range":
      return `range(${init.along}, ${showNumber(init.from)}, ${showNumber(init.step)})`;
    case "formula":
      return `formula(${init.steps.map(printStep).join(", ")})`;
    default:
      return init satisfies never;
  }
}

/** A step of a formula: an initialiser, or `exp $0`, `add $1 $3`, of steps before it. */
const printStep = (step: Formula["steps"][number]): string =>
  step.kind === "apply" ? `${step.op}${step.of.map((place) => ` $${place}`).join("")}` : printInit(step);

function parseStep(r: Reader): Formula["steps"][number] {
  if (initKinds.some((kind) => r.sees(kind))) return parseInit(r);
  const op = r.word("a function") as InitFunction;
  const of: number[] = [];
  while (r.take("$")) of.push(r.number());
  return { kind: "apply", op, of };
}

const initKinds = [
  ...(["constant", "uniform", "normal", "xavier", "kaiming", "orthogonal", "identity"] as const),
  ...(["blocks", "lengths", "list", "range", "copy", "formula"] as const),
];

function parseInit(r: Reader): Init {
  const kind = r.oneOf(initKinds);
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
      case "kaiming":
      case "orthogonal":
      case "identity":
        return { kind, gain: named("gain") };
      case "blocks":
        return { kind, parts: r.list(")", () => parseInit(r)) };
      case "lengths":
      case "copy":
        return { kind, of: r.string() };
      case "list": {
        r.expect("[");
        const shape = r.list("]", () => r.number());
        r.expect(",");
        return { kind, values: r.list(")", () => r.number()), shape };
      }
      case "range": {
        const along = r.oneOf(["first", "last"]);
        r.expect(",");
        const from = r.number();
        r.expect(",");
        return { kind, from, step: r.number(), along };
      }
      case "formula":
        return { kind, steps: r.list(")", () => parseStep(r)) };
    }
  };
  const init = inside();
  if (kind !== "blocks" && kind !== "list" && kind !== "formula") r.expect(")");
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

const printAxis = ({ axis }: { readonly axis?: string }): string => (axis === undefined ? "" : ` over=${q(axis)}`);

function parseAxis(r: Reader): { readonly axis?: string } {
  if (!r.take("over")) return {};
  r.expect("=");
  return { axis: r.string() };
}

export function printLeaf(leaf: Leaf): string {
  const head = `${leaf.kind} ${q(leaf.name)}`;
  switch (leaf.kind) {
    case "param":
      return `${head}${leaf.constant ? " const" : ""} ${printInit(leaf.init)}`;
    case "index":
      return `${head} size=${leaf.size}${printAxis(leaf)}`;
    case "noise":
      return leaf.distribution === "bernoulli"
        ? `${head} bernoulli keep=${showNumber(leaf.keep)}`
        : `${head} ${leaf.distribution} scale=${showNumber(leaf.scale)}${leaf.perStep ? " per_step" : ""}`;
    case "population":
      return `${head} ${printPolicy(leaf.policy)}${printAxis(leaf)}`;
    case "lengths":
      return `${head} ${leaf.mark}${printAxis(leaf)}`;
    case "flat":
      return `${head} ${leaf.region} slot=${leaf.slot}${leaf.from === undefined ? "" : ` from=${leaf.from}`}`;
    case "input":
      return `${head}${leaf.target ? " target" : ""}${printAxis(leaf)}`;
    case "step":
      return `${head}${printAxis(leaf)}`;
    case "hyper":
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
      return { kind, name, ...(r.take("const") && { constant: true as const }), init: parseInit(r) };
    case "index":
      r.expect("size");
      r.expect("=");
      return { kind, name, size: r.dimension(), ...parseAxis(r) };
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
      return { kind, name, policy: parsePolicy(r), ...parseAxis(r) };
    case "lengths":
      return { kind, name, mark: r.oneOf(markNames), ...parseAxis(r) };
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
      return { kind, name, ...(r.take("target") && { target: true }), ...parseAxis(r) };
    case "step":
      return { kind, name, ...parseAxis(r) };
    case "hyper":
    case "carry":
    case "cotangent":
    case "gradient":
      return { kind, name };
  }
}
