/** A few words in which the tests write a kernel once and get it as WGSL and as WebAssembly text. */
import { compile } from "watr";
import type { Executable, Plan, RegionName } from "../../runtime/plan.ts";
import { sealed } from "../../runtime/seal.ts";

interface Text {
  readonly wgsl: string;
  readonly wat: string;
}

const regions = ["param", "grad", "slot", "stat", "input", "work"] as const;

export const int = (value: number): Text => ({ wgsl: `${value}`, wat: `(i32.const ${value})` });
export const float = (value: number): Text => ({ wgsl: `f32(${value})`, wat: `(f32.const ${value})` });
/** The time step, the sequence length, the workgroup, and the counter of `eachStep`. */
export const t: Text = { wgsl: "u.t", wat: "(local.get $t)" };
export const T: Text = { wgsl: "u.T", wat: "(local.get $T)" };
export const group: Text = { wgsl: "g", wat: "(local.get $g)" };
export const k: Text = { wgsl: "k", wat: "(local.get $k)" };

const infix = (sign: string, instruction: string) => (a: Text, b: Text) => ({
  wgsl: `(${a.wgsl} ${sign} ${b.wgsl})`,
  wat: `(${instruction} ${a.wat} ${b.wat})`,
});
export const plus = infix("+", "i32.add");
export const times = infix("*", "i32.mul");
export const add = infix("+", "f32.add");
export const sub = infix("-", "f32.sub");
export const mul = infix("*", "f32.mul");
export const div = infix("/", "f32.div");
export const less = infix("<", "i32.lt_s");
export const least = (a: Text, b: Text): Text => ({
  wgsl: `min(${a.wgsl}, ${b.wgsl})`,
  wat: `(f32.min ${a.wat} ${b.wat})`,
});
export const root = (a: Text): Text => ({ wgsl: `sqrt(${a.wgsl})`, wat: `(f32.sqrt ${a.wat})` });
export const toInt = (a: Text): Text => ({ wgsl: `i32(${a.wgsl})`, wat: `(i32.trunc_sat_f32_s ${a.wat})` });
/** Whether a number is neither infinite nor NaN. */
export const finite = (a: Text): Text => ({
  wgsl: `((bitcast<u32>(${a.wgsl}) & 0x7f800000u) != 0x7f800000u)`,
  wat: `(f32.lt (f32.abs ${a.wat}) (f32.const inf))`,
});
export const toFloat = (a: Text): Text => ({ wgsl: `f32(${a.wgsl})`, wat: `(f32.convert_i32_s ${a.wat})` });
export const choose = (condition: Text, yes: Text, no: Text): Text => ({
  wgsl: `select(${no.wgsl}, ${yes.wgsl}, ${condition.wgsl})`,
  wat: `(select ${yes.wat} ${no.wat} ${condition.wat})`,
});

const address = (region: RegionName, index: Text) =>
  `(i32.add (global.get $${region}) (i32.shl ${index.wat} (i32.const 2)))`;

export const load = (region: RegionName, index: Text): Text => ({
  wgsl: `${region}[${index.wgsl}]`,
  wat: `(f32.load ${address(region, index)})`,
});
export const store = (region: RegionName, index: Text, value: Text): Text => ({
  wgsl: `${region}[${index.wgsl}] = ${value.wgsl};`,
  wat: `(f32.store ${address(region, index)} ${value.wat})`,
});
export const when = (condition: Text, body: Text): Text => ({
  wgsl: `if (${condition.wgsl}) { ${body.wgsl} }`,
  wat: `(if ${condition.wat} (then ${body.wat}))`,
});
/** for (k = 0; k < T; k++) body */
export const eachStep = (body: Text): Text => ({
  wgsl: `for (var k = 0; k < u.T; k++) { ${body.wgsl} }`,
  wat: `(local.set $k (i32.const 0))
    (loop $steps ${body.wat}
      (local.set $k (i32.add (local.get $k) (i32.const 1)))
      (br_if $steps (i32.lt_s (local.get $k) (local.get $T))))`,
});

export type Kernels = Readonly<Record<string, readonly Text[]>>;

/** The module of all kernels, with the globals and exports the wasm backend expects. */
export function wasmModule(kernels: Kernels): string {
  const globals = regions.map((name) => `(global $${name} (export "region_${name}") (mut i32) (i32.const 0))`);
  const functions = Object.entries(kernels).map(
    ([name, body]) => `(func (export "${name}")
  (param $t i32) (param $T i32) (param $gx i32) (param $gy i32) (param $gz i32) (param $from i32) (param $to i32)
  (local $g i32) (local $k i32)
  (local.set $g (local.get $from))
  (block $done (loop $groups
    (br_if $done (i32.ge_s (local.get $g) (local.get $to)))
    ${body.map(({ wat }) => wat).join("\n    ")}
    (local.set $g (i32.add (local.get $g) (i32.const 1)))
    (br $groups))))`,
  );
  return `(module (import "env" "memory" (memory 1 65536 shared))\n${[...globals, ...functions].join("\n")})`;
}

/** One kernel's shader, with the bindings the WebGPU backend expects. */
export function shader(body: readonly Text[]): string {
  const bindings = regions.map((name, index) => {
    return `@group(0) @binding(${index + 1}) var<storage, read_write> ${name}: array<f32>;`;
  });
  return `struct Step { t: i32, T: i32 }
@group(0) @binding(0) var<uniform> u: Step;
${bindings.join("\n")}
@compute @workgroup_size(1) fn main(@builtin(workgroup_id) id: vec3<u32>) {
  let g = i32(id.x);
  ${body.map(({ wgsl }) => wgsl).join("\n  ")}
}`;
}

/** The executable of a plan on a target. */
export function assemble(plan: Omit<Plan, "target" | "kernels">, kernels: Kernels, target: Plan["target"]): Executable {
  const info = Object.keys(kernels).map((name) => ({
    name,
    work: { fixed: 1, perStep: 0 },
    lanes: 1,
    regions: regions.map((region) => ({ region, access: "read_write" as const })),
  }));
  const full: Plan = { ...plan, target, kernels: info };
  if (target === "wasm") {
    const text = wasmModule(kernels);
    return { plan: full, code: sealed(full, { kind: "wasm", text, binary: compile(text) }) };
  }
  const modules = Object.fromEntries(Object.entries(kernels).map(([name, body]) => [name, shader(body)]));
  return { plan: full, code: sealed(full, { kind: "wgsl", modules }) };
}
