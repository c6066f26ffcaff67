import { describe, expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { compile } from "../../compiler/compile.ts";
import type { KExpr, Kernel, KStmt } from "../../compiler/kernel-ir/types.ts";
import { KernelError, verifyKernel } from "../../compiler/kernel-ir/verify.ts";
import { machine as wasm } from "../../targets/wasm/machine.ts";
import { machine as wgsl } from "../../targets/wgsl/machine.ts";
import { wgsl as target } from "../../targets/wgsl/target.ts";
import * as b from "../targets/build.ts";
import { samples } from "../targets/samples.ts";

const i = b.v("i");
const x = b.load("input", i);
const each = (...body: readonly KStmt[]): KStmt => b.lanes("i", 0, 8, body);
const body = (...statements: readonly KStmt[]): Kernel => b.kernel({ body: statements, tiles: { tile: 8 } });
const save = (value: KExpr): KStmt => b.store("work", i, value);

describe("the verifier", () => {
  it.each(samples.map(({ kernel }) => [kernel.name, kernel] as const))("accepts the sample %s", (_name, kernel) => {
    expect(() =>
      verifyKernel(kernel, { ...wasm, unit: { kind: "workgroup", invocations: 64, subgroups: false } }),
    ).not.toThrow();
  });

  it.each<[string, Kernel, RegExp]>([
    ["an undeclared name", body(each(save(b.fv("y")))), /`y` is used where it is not declared/],
    ["a name used after its block", body(each(b.bind("y", "f32", x)), each(save(b.fv("y")))), /`y` is used where/],
    ["a name used as another type", body(each(b.bind("n", "i32", 1), save(b.fv("n")))), /type i32 but used as f32/],
    ["a value of another type", body(each(b.bind("n", "i32", x))), /the value of `n` is of type f32, not i32/],
    ["shadowing", body(each(b.bind("i", "f32", x))), /`i` is declared where another/],
    ["a loop that shadows", body(each(b.serial("i", 0, 2, []))), /`i` is declared where another/],
    ["assigning a let", body(each(b.bind("y", "f32", x), b.assign("y", "f32", x))), /`y` is assigned, but it is a let/],
    [
      "assigning another type",
      body(each(b.variable("y", "f32", x), b.assign("y", "i32", 1))),
      /f32 but assigned as i32/,
    ],
    [
      "a lane that assigns what all share",
      body(b.variable("y", "f32", b.f(0)), each(b.assign("y", "f32", x))),
      /outside a lanes loop/,
    ],
    ["a store outside lanes", body(b.store("work", 0, b.f(1))), /a store outside a lanes loop/],
    ["a store to what is read", body(each(b.store("input", i, x))), /`input`, which is declared read/],
    ["an undeclared region", body(each(save(b.load("param", i)))), /region `param` is not declared/],
    ["an undeclared tile", body(each(save(b.load("tile:other", i)))), /tile `other` is not declared/],
    ["a float index", body(each(save(b.load("input", x)))), /an index is of type f32/],
    ["a barrier in lanes", body(each(b.barrier)), /a barrier inside a lanes loop/],
    ["lanes in lanes", body(each(b.lanes("j", 0, 2, []))), /stands inside another/],
    [
      "a barrier under a condition that memory decides",
      body(b.when(b.compare("gt", b.load("input", 0), b.f(0)), [b.barrier])),
      /may not come together/,
    ],
    [
      "a barrier in a loop whose end a variable decides",
      body(b.variable("n", "i32", 3), b.serial("k", 0, b.v("n"), [b.barrier])),
      /may not come together/,
    ],
    ["an unknown op", body(each(save(b.math("frobnicate", x)))), /op `frobnicate` is not one of Kernel IR/],
    ["too few operands", body(each(save(b.math("add", x)))), /op `add` has 1 operands, not 2/],
    ["mixed widths", body(each(save(b.math("add", x, b.splat(x))))), /an operand of add is of type f32x4/],
    ["comparing vectors", body(each(b.when(b.compare("lt", b.splat(x), b.splat(x)), []))), /a comparison of f32x4/],
    ["a loop without an end", body(b.serial("k", 0, 4, [], 0)), /the step of `k` is 0/],
    [
      "an end that moves",
      body(b.variable("n", "i32", 3), b.serial("k", 0, b.v("n"), [b.assign("n", "i32", 4)])),
      /changes inside/,
    ],
    ["an integer beyond 32 bits", body(each(save(b.load("input", 2 ** 31)))), /is no i32/],
    ["a name that is no identifier", { ...body(), name: "hh/mean" }, /`hh\/mean` is no identifier/],
    ["NaN", body(each(save(b.f(Number.NaN)))), /is NaN/],
  ])("rejects %s", (_what, kernel, message) => {
    expect(() => verifyKernel(kernel)).toThrow(KernelError);
    expect(() => verifyKernel(kernel)).toThrow(message);
  });

  it("accepts a barrier under a condition all invocations share", () => {
    const shared = b.and(b.compare("gt", b.t, 0), b.compare("lt", b.group(0), b.v("k")));
    expect(() => verifyKernel(body(b.serial("k", 0, b.T, [b.when(shared, [b.barrier])])))).not.toThrow();
  });

  it("holds a kernel to its machine's limits", () => {
    expect(() => verifyKernel(b.kernel({ body: [], lanes: 512 }), wgsl)).toThrow(/512 invocations/);
    expect(() => verifyKernel(b.kernel({ body: [], tiles: { tile: 5000 } }), wgsl)).toThrow(/tiles of 20000 bytes/);
    expect(() => verifyKernel(b.kernel({ body: [], grid: [70000, 1, 1] }), wgsl)).toThrow(/a grid of 70000/);
  });

  it("says that the mistake is the compiler's, and shows the kernel", () => {
    expect(() => verifyKernel(body(b.store("work", 3, b.f(1))))).toThrow(
      /internal error.*\n\n.*not of your cell.*[\s\S]*work\[3\] = 1\.0/,
    );
  });
});

it("a compilation ends where a kernel asks for more than the machine has", () => {
  const small = { ...target, machine: { ...target.machine, maxBindings: 2 } };
  expect(() => compile("examples/cells/bnlstm.cell", { batch: 4, time: 3 }, small, fileHost)).toThrow(
    /regions, WebGPU binds 2/,
  );
});
