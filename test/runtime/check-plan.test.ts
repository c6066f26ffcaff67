import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { compile } from "../../compiler/compile.ts";
import type { CompileOptions } from "../../compiler/options.ts";
import { checkPlan } from "../../runtime/check-plan.ts";
import { checkedCode } from "../../runtime/executable.ts";
import { type Executable, RuntimeError, Session, wasmBackend } from "../../runtime/index.ts";
import { floatsIn, floatsOf, keptTensors, rangeOf, regionSizes } from "../../runtime/layout.ts";
import type { Plan } from "../../runtime/plan.ts";
import { moduleOf, shadersOf } from "../../runtime/sealed-code.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { wgsl } from "../../targets/wgsl/target.ts";
import { mutatePlan } from "../fuzz/mutate-plan.ts";
import { uniform } from "../ir/numbers.ts";
import { executables, names, soundBatch } from "./compiled.ts";
import { leaky } from "./leaky.ts";

const example = (file: string, options: CompileOptions, target = wasm): Executable =>
  compile(`examples/${file}.cell`, options, target, fileHost).executable;

/** Plans of every kind: streams, norms, masks, marks, segments, f16, index inputs, other optimisers. */
const plans = {
  leaky: leaky("wasm"),
  ...executables,
  "bnlstm on WebGPU": example("cells/bnlstm", { batch: 4, time: 6 }, wgsl),
  "bnlstm in f16": example("cells/bnlstm", { batch: 4, time: 6, storage: "f16" }, wgsl),
  "lstm in segments": example("cells/lstm", { batch: 2, time: 60, dims: { D: 2, H: 4 }, memory: 30_000 }),
  "dropout, sgd": example("dropout_lstm", { batch: 2, time: 6, optimizer: "sgd", entry: "variational_lstm" }),
  "step alone": example("cells/bnlstm", { batch: 1, time: 6, entries: ["step"] }),
} as const satisfies Readonly<Record<string, Executable>>;

const json = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** As a backend does before it runs anything. */
function open(plan: Plan, { code }: Executable): void {
  if (code.kind === "wasm") {
    const { sealer } = checkedCode({ plan, code }, "wasm");
    moduleOf(code.binary, sealer);
  } else shadersOf(checkedCode({ plan, code }, "wgsl"));
}

/** What was thrown; undefined if nothing was. */
function thrownBy(act: () => void): unknown {
  try {
    act();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe.each(Object.entries(plans))("a plan: %s", (_, executable: Executable) => {
  const plan = json(executable.plan);
  const other: Plan["target"] = plan.target === "wasm" ? "wgsl" : "wasm";

  test("is opened as the compiler made it, and as JSON brought it back", () => {
    for (const one of [executable.plan, plan]) expect(() => open(one, executable)).not.toThrow();
  });

  test("is refused for another target", () => {
    expect(thrownBy(() => checkPlan(plan, other))).toMatchObject({ code: "C0406" });
  });

  test("is refused with any one thing changed: its code is not sealed to it", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const { what, plan: mutant } = mutatePlan(plan, uniform(seed));
        const thrown = thrownBy(() => open(mutant as Plan, executable));
        if (JSON.stringify(mutant) === JSON.stringify(plan)) expect(thrown, what).toBeUndefined();
        else {
          expect(thrown, what).toBeInstanceOf(RuntimeError);
          expect((thrown as RuntimeError).code, what).toMatch(/^C04(06|11)$/);
        }
      }),
      { numRuns: 40 },
    );
  });

  test("that is changed and passes for itself has the host read and write within regions, and nothing twice", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const { what, plan: mutant } = mutatePlan(plan, uniform(seed));
        const thrown = thrownBy(() => checkPlan(mutant as Plan, plan.target));
        // Other initial values, renamed tensors: what only the seal can see.
        if (thrown === undefined) expectSafe(mutant as Plan, what);
        else expect(thrown, what).toBeInstanceOf(RuntimeError);
      }),
      { numRuns: 40 },
    );
  });
});

/** Checks that every range that the runtime reads or writes lies in its region, and that no two written ones overlap. */
function expectSafe(plan: Plan, what: string): void {
  for (const steps of [1, 2, 7]) {
    const sizes = regionSizes(plan, steps);
    const end = ({ offset, stride, count, length }: ReturnType<typeof rangeOf>) =>
      offset + stride * (count - 1) + length;
    for (const kept of keptTensors(plan)) expect(end(kept.range), what).toBeLessThanOrEqual(sizes[kept.range.region]);
    for (const entry of Object.values(plan.entries)) {
      const owners = new Map<number, string>();
      for (const tensor of entry.tensors) {
        const range = rangeOf(tensor, entry, steps);
        expect(end(range), `${what}: ${tensor.name}`).toBeLessThanOrEqual(
          floatsOf(entry.regions[tensor.region], steps),
        );
        expect(floatsIn(range), what).toBeGreaterThan(0);
        if (tensor.region !== "input") continue;
        for (let piece = 0; piece < range.count; piece++)
          for (let i = 0; i < range.length; i++) {
            const at = range.offset + piece * range.stride + i;
            expect(owners.get(at), `${what}: ${tensor.name}`).toBeUndefined();
            owners.set(at, tensor.name);
          }
      }
    }
  }
}

const words = json(executables["words, ragged"].plan);
const train = words.entries.train!;
const indexOf = (name: string): number => train.tensors.findIndex((tensor) => tensor.name === name);
const statistic = train.tensors.findIndex(({ role }) => role.kind === "stat");
const dispatch = words.entries.infer!.commands.findIndex((command) => command.do === "dispatch");
const blocks = (n: number) => ({ kind: "blocks", parts: new Array(n).fill({ kind: "constant", value: 0 }) });
const loop = (commands: unknown) => ({ do: "steps", reverse: false, commands });
const updates = words.entries.update!.commands;

/** Another tensor that is fed step by step. */
const framed = train.tensors.find(({ name, region, time }) => region === "input" && time && name !== "w")!;

/** What is edited, where, to what (undefined: it is removed), and the words in which that is refused. */
/** One step that is a number, and a function of these steps. */
const formula = (op: string, of: readonly number[]) => ({
  kind: "formula",
  steps: [
    { kind: "constant", value: 1 },
    { kind: "apply", op, of },
  ],
});

const edits: readonly (readonly [string, string, unknown, RegExp])[] = [
  ["an older format", "format", 2, /format is 2, not 3/],
  ["a missing field", "fingerprint", undefined, /fingerprint is undefined, not a text/],
  ["a field nobody knows", "entries.train.extra", 1, /entries\.train\.extra is not known/],
  ["an entry nobody knows", "entries.test", train, /entries\.test is not known/],
  ["an entry of a prototype's name", "entries.__proto__", train, /entries\.__proto__ is not known/],
  ["no batch", "dims.batch", undefined, /dims\.batch is missing/],
  ["a region that is none", "entries.train.tensors.0.region", "wrok", /train\.tensors\[0\]\.region is "wrok"/],
  ["a region of another role", "entries.train.tensors.0.region", "work", /tensors\[0\]\.region is no place/],
  ["a role nobody knows", "entries.train.tensors.0.role.kind", "target", /role\.kind is "target"/],
  ["a role from a prototype", "entries.train.tensors.0.role.kind", "constructor", /role\.kind is "constructor"/],
  ["an offset that is text", "entries.train.tensors.1.offset", "16", /tensors\[1\]\.offset is "16"/],
  ["an offset beyond the region", "entries.train.tensors.0.offset", 1e6, /tensors\[0\]\.offset lets it end/],
  ["a shape that is a number", "entries.train.tensors.0.shape", 7, /shape is 7, not a list/],
  ["a shape too large", "entries.train.tensors.0.shape", [7, 3, 1000], /tensors\[0\]\.offset lets it end/],
  ["a gradient elsewhere", "entries.train.tensors.1.offset", 1, /tensors\[1\] is not placed like/],
  ["an input over another", `entries.train.tensors.${indexOf("w")}.offset`, framed.offset, /offset lets it overlap/],
  ["an input of another batch", `entries.train.tensors.${indexOf("w")}.shape`, [2], /shape has no batch of 3/],
  ["a region of another size", "entries.infer.regions.stat.fixed", 1600, /entries\.infer has other parameters/],
  ["a region off its lines", "entries.infer.regions.work.fixed", 1601, /regions\.work is not on lines/],
  ["frames of parameters", "entries.infer.regions.param.frame", 16, /regions\.param has frames/],
  ["no regions", "entries.infer.regions", [], /entries\.infer\.regions is a list of 0, not an object/],
  ["slots of another size", "slots", ["m", "v", "w"], /regions\.slot is not as large/],
  ["a grid of nothing", `entries.infer.commands.${dispatch}.grid.0.fixed`, 0, /grid has no workgroup/],
  ["a grid below nothing", `entries.infer.commands.${dispatch}.grid.0.fixed`, -1, /grid\[0\]\.fixed is -1/],
  ["half a workgroup", `entries.infer.commands.${dispatch}.grid.0.fixed`, 0.5, /grid\[0\]\.fixed is 0.5/],
  ["a grid that is a number", `entries.infer.commands.${dispatch}.grid`, 4, /grid is 4, not a list/],
  ["a grid of no axes", `entries.infer.commands.${dispatch}.grid`, [], /grid has 0 items/],
  ["a kernel that is none", `entries.infer.commands.${dispatch}.kernel`, "toString", /kernel is not in the plan/],
  ["a command nobody knows", "entries.update.commands.0.do", "call", /commands\[0\]\.do is "call"/],
  ["loops in loops", "entries.update.commands", [loop([loop(updates)])], /\.do is "steps", not "dispatch"/],
  [
    "segments where there are none",
    "entries.update.commands.0",
    { ...loop(updates), do: "segments", length: 2 },
    /\.length/,
  ],
  ["a kernel twice", "kernels", [words.kernels[0], words.kernels[0]], /kernels has a name twice/],
  ["access nobody knows", "kernels.0.regions.0.access", "write", /access is "write"/],
  ["a tensor twice", "entries.train.tensors", [...train.tensors, train.tensors[0]], /twice|overlap/],
  ["more words than f32 counts", `entries.train.tensors.${indexOf("w")}.role.size`, 2 ** 25, /role\.size is 33554432/],
  ["statistics of no step", `entries.train.tensors.${statistic}.role.steps`, 0, /role\.steps is 0/],
  ["statistics without room", `entries.train.tensors.${statistic}.role.steps`, 1000, /offset lets it end/],
  [
    "infinite values",
    "entries.train.tensors.0.role.init",
    { kind: "constant", value: Number.POSITIVE_INFINITY },
    /init\.value is Infinity/,
  ],
  ["blocks that do not cut", "entries.train.tensors.0.role.init", blocks(7), /init does not cut/],
  [
    "first values of nothing",
    "entries.train.tensors.0.role.init",
    { kind: "lengths", of: "q" },
    /init\.of is no parameter/,
  ],
  [
    "a list of another shape",
    "entries.train.tensors.0.role.init",
    { kind: "list", values: [1, 2], shape: [2] },
    /another shape/,
  ],
  ["a copy of nothing", "entries.train.tensors.0.role.init", { kind: "copy", of: "q" }, /init\.of is no parameter/],
  [
    "a parameter that begins as itself",
    "entries.train.tensors.0.role.init",
    { kind: "copy", of: train.tensors[0].name },
    /computed from itself/,
  ],
  ["a formula of nothing", "entries.train.tensors.0.role.init", { kind: "formula", steps: [] }, /steps/],
  ["a formula of an unknown function", "entries.train.tensors.0.role.init", formula("constructor", [0]), /op is/],
  [
    "a formula of later steps",
    "entries.train.tensors.0.role.init",
    formula("exp", [1]),
    /does not name the steps before it/,
  ],
  [
    "a formula that lacks a step",
    "entries.train.tensors.0.role.init",
    formula("add", [0]),
    /does not name the steps before it/,
  ],
  [
    "a range along nothing",
    "entries.train.tensors.0.role.init",
    { kind: "range", from: 0, step: 1, along: "x" },
    /along is/,
  ],
  ["a constant with a gradient", "entries.train.tensors.0.role.constant", true, /is not placed like its parameter/],
  ["a parameter that is no constant and says so", "entries.train.tensors.0.role.constant", false, /constant is false/],
  ["parameters of one entry", "entries.infer.tensors", words.entries.infer!.tensors.slice(2), /has other parameters/],
  ["no loss to train with", `entries.train.tensors.${indexOf("loss")}.role.kind`, "metric", /have 0 losses/],
];

test.each(edits)("a plan with %s is refused, with the field that is wrong", (_, path, after, message) => {
  const draft: unknown = json(words);
  const keys = path.split(".");
  const parent = keys.slice(0, -1).reduce((node, key) => (node as Record<string, unknown>)[key], draft) as object;
  if (after === undefined) Reflect.deleteProperty(parent, keys.at(-1)!);
  else Reflect.defineProperty(parent, keys.at(-1)!, { value: after, enumerable: true, configurable: true });
  expect(thrownBy(() => checkPlan(draft as Plan, "wasm"))).toMatchObject({ code: "C0411", message });
});

test.each([[undefined], [null], [7], ["plan"], [[]], [{}]])("%o is no plan", (none) => {
  expect(thrownBy(() => checkPlan(none as unknown as Plan, "wasm"))).toMatchObject({ code: "C0411" });
});

test("a plan nested without end is refused", () => {
  let init: unknown = { kind: "constant", value: 0 };
  for (let i = 0; i < 100_000; i++) init = { kind: "blocks", parts: [init] };
  const draft = json(words);
  Object.assign(draft.entries.train!.tensors[0].role, { init });
  expect(thrownBy(() => checkPlan(draft, "wasm"))).toMatchObject({ code: "C0411" });
});

describe("the seal", () => {
  const { plan, code } = leaky("wasm");
  if (code.kind !== "wasm") throw new Error("not a module");
  const { sealer } = checkedCode({ plan, code }, "wasm");

  test("any byte of a module that was changed breaks it", () => {
    fc.assert(
      fc.property(fc.nat(code.binary.length - 1), fc.integer({ min: 1, max: 255 }), (index, change) => {
        const damaged = code.binary.slice();
        damaged[index] ^= change;
        expect(thrownBy(() => moduleOf(damaged, sealer))).toMatchObject({ code: "C0411" });
      }),
    );
  });

  test("a module that was cut short, or never sealed, is refused", () => {
    for (const length of [0, 1, 8, code.binary.length - 1])
      expect(thrownBy(() => moduleOf(code.binary.slice(0, length), sealer))).toMatchObject({ code: "C0411" });
    expect(thrownBy(() => moduleOf("module", sealer))).toMatchObject({ code: "C0411" });
  });

  test("the code of a plan that differs in one number is refused", () => {
    const other = executables.filter;
    const grown = { ...plan, dims: { batch: 3 } };
    expect(thrownBy(() => open(other.plan, { plan: other.plan, code }))).toMatchObject({ code: "C0411" });
    expect(
      thrownBy(() => moduleOf(code.binary, checkedCode({ plan: json(grown), code }, "wasm").sealer)),
    ).toBeInstanceOf(RuntimeError);
  });

  test("shaders that changed places, or one of another plan, are refused", () => {
    const shaders = leaky("wgsl");
    if (shaders.code.kind !== "wgsl") throw new Error("no shaders");
    const { modules } = shaders.code;
    const changed = { ...modules, norm: modules.finish, finish: modules.norm };
    for (const wrong of [changed, { ...modules, norm: `${modules.norm} ` }, { ...modules, norm: "" }, undefined]) {
      const executable = { plan: shaders.plan, code: { kind: "wgsl", modules: wrong } } as Executable;
      expect(thrownBy(() => open(shaders.plan, executable))).toMatchObject({ code: "C0411" });
    }
  });

  test("missing code, or code of another kind, is refused", () => {
    for (const none of [undefined, null, {}, { kind: "wgsl", modules: {} }, { kind: "wasm" }])
      expect(thrownBy(() => open(plan, { plan, code: none as unknown as Executable["code"] }))).toBeTruthy();
  });
});

test.each(names)("%s gives the same bits from the files that were written as from the compiler", async (name) => {
  const { plan, code } = executables[name];
  if (code.kind !== "wasm") throw new Error("not a module");
  const written = { plan: json(plan), code: { kind: "wasm", text: "", binary: code.binary } } as const;
  const backend = wasmBackend({ threads: 1, simd: "plain" });
  const results = [];
  for (const executable of [executables[name], written]) {
    const session = await Session.open(executable, backend, { seed: 3 });
    const { loss } = await session.train(soundBatch(plan, 4), { lr: 0.1 });
    results.push([loss, (await session.state()).tensors]);
    session.close();
  }
  expect(results[0]).toEqual(results[1]);
  backend.close();
});
