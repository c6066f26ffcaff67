/** The text of typed modules. */
import { describe, expect, test } from "vitest";
import type { TargetName } from "../../../cli/targets.ts";
import { wasmCodeOf } from "../../../runtime/module/wasm-code.ts";
import type { EntryName } from "../../../runtime/plan.ts";
import { sealedCode, shadersOf } from "../../../runtime/sealed-code.ts";
import { declarationMap } from "../../../targets/ts/declaration-map.ts";
import type { ModuleDescription } from "../../../targets/ts/description.ts";
import { declarationsOf, javaScriptOf } from "../../../targets/ts/emit.ts";
import { moduleText } from "../../../targets/ts/module-text.ts";
import { made, madeOf } from "./made.ts";

const cases: readonly (readonly [name: string, module: () => Promise<{ readonly description: ModuleDescription }>])[] =
  [
    ["bnlstm", () => made("examples/cells/bnlstm.cell", { options: { entries: ["infer", "step"] } })],
    ["paper_smnist", () => made("examples/paper/smnist.cell", { kernels: ["wgsl", "wasm"] })],
  ];

/** The module with small stand-ins for its plan and its code, which other golden files hold. */
const withoutKernels = (module: ModuleDescription): ModuleDescription => ({
  ...module,
  // The version changes with each release.
  header: module.header.map((line) => line.replace(/cellc \S+ from/, "cellc from")),
  kernels: module.kernels.map((kernel) => ({
    ...kernel,
    plan: { ...kernel.plan, equations: {}, measures: {}, fingerprint: "", entries: {}, kernels: [] },
    code:
      kernel.code.kind === "wasm"
        ? { kind: "wasm", text: "(module)", binary: Uint8Array.of(0, 97, 115, 109) }
        : { kind: "wgsl", modules: { one: "fn main() {}\n// `${seal}` \\ \n" } },
  })),
});

describe.each(cases)("the module of %s", (name, module) => {
  const golden = (ending: string): string => `../../golden/modules/${name}.${ending}`;

  test("is printed as before", async () => {
    const text = await moduleText(withoutKernels((await module()).description));
    await expect(text).toMatchFileSnapshot(golden("module.txt"));
  });

  test("is declared as before", async () => {
    const { description } = await module();
    const declarations = await declarationsOf(await moduleText(withoutKernels(description)));
    await expect(declarations).toMatchFileSnapshot(golden("declarations.txt"));
    await expect(await declarationMap(description, declarations, "x.d.ts")).toMatchFileSnapshot(golden("map.json"));
  });

  test("is the same whenever it is made, without a carriage return or a date", async () => {
    const [one, other] = [
      await moduleText((await module()).description),
      await moduleText((await module()).description),
    ];
    expect(other === one).toBe(true);
    expect(one.includes("\r")).toBe(false);
    expect(one.includes(new Date().toISOString().slice(0, 10))).toBe(false);
    expect(one.endsWith("});\n")).toBe(true);
  });

  test("holds its plan and its code unchanged", async () => {
    const { description } = await module();
    const script = await javaScriptOf(await moduleText(description));
    for (const { target, plan, code } of description.kernels) {
      const found = evaluated(script, target) as { readonly plan: object; readonly code: object };
      expect(JSON.stringify(found.plan)).toBe(JSON.stringify(plan));
      expect(found.code).toEqual(code.kind === "wasm" ? { ...code, text: "" } : code);
    }
  });
});

/** The plan and the code of a target, as the script would hand them to the runtime. */
function evaluated(script: string, target: string): unknown {
  const body = script.replace(/^import .*$/gm, "").replace(/^export (const)/gm, "$1");
  const run = new Function(
    "wasmCodeOf",
    "inferenceModule",
    "trainingModule",
    "inferenceStream",
    `${body}\nreturn {
    plan: ${target}Plan, code: ${target}Code() };`,
  );
  const make = () => ({});
  return run(wasmCodeOf, make, make, make);
}

test.each<readonly [entries: readonly EntryName[], message: string]>([
  [["train", "infer"], "a module without `update` only infers, and has no use for `train`"],
  [["update", "estimate", "infer"], "a module without `train` only infers, and has no use for `update` and `estimate`"],
  [["estimate", "infer"], "a module without `train` and `update` only infers, and has no use for `estimate`"],
])("a module with the entries %j is refused: it would have no methods for some", async (entries, message) => {
  await expect(made("examples/cells/bnlstm.cell", { options: { entries } })).rejects.toThrow(message);
});

test("a module trains with the entries `train` and `update`", async () => {
  const { description } = await made("examples/cells/bnlstm.cell", { options: { entries: ["train", "update"] } });
  expect(description.trains).toBe(true);
});

test("a module for WebGL2 names shadows if it trains, and the judge of software renderers if it has other kernels", async () => {
  const cell = "examples/cells/bnlstm.cell";
  const openers = async (entries: readonly EntryName[] | undefined, kernels: readonly TargetName[]) =>
    (await moduleText((await made(cell, { options: { entries }, kernels })).description)).match(
      /webgl2ModuleBackend\(.*\)/g,
    );
  expect(await openers(["infer"], ["glsl"])).toEqual(["webgl2ModuleBackend(options, {})"]);
  expect(await openers(["infer"], ["glsl", "wasm"])).toEqual(["webgl2ModuleBackend(options, { noSoftware })"]);
  expect(await openers(undefined, ["glsl"])).toEqual(["webgl2ModuleBackend(options, { shadows })"]);
});

test("a module that infers has no gradients, no hashes of equations and shaders without comments, and its seals fit", async () => {
  const { description } = await made("examples/cells/bnlstm.cell", {
    options: { entries: ["infer"] },
    kernels: ["glsl"],
  });
  const [{ plan, code }] = description.kernels;
  expect(plan.equations).toEqual({});
  expect(plan.entries.infer!.tensors.filter(({ role }) => role.kind === "grad")).toEqual([]);
  const shaders = shadersOf(sealedCode({ plan, code }, "glsl"));
  expect(shaders.size).toBe(plan.kernels.length);
  for (const shader of shaders.values()) expect(shader).not.toMatch(/\/\/|\n\n/);
});

test("only a module that infers names what draws noise, clears padding or streams, and only if it does", async () => {
  const noisy = "examples/paper/smnist.cell";
  const plain = "examples/cells/bnlstm.cell";
  const has = async (file: string, entries: readonly EntryName[] | undefined, word: string): Promise<boolean> =>
    (await moduleText((await made(file, { options: { entries } })).description)).includes(word);
  expect(await has(noisy, ["infer"], "noise: drawNoise")).toBe(true);
  expect(await has(plain, ["infer"], "drawNoise")).toBe(false);
  expect(await has(noisy, undefined, "drawNoise")).toBe(false);
  expect(await has(plain, ["infer", "step"], "stream: inferenceStream")).toBe(true);
  const ragged = { options: { entries: ["infer"], ragged: true } } as const;
  expect(await moduleText((await made(plain, ragged)).description)).toContain("  ragged,\n  kernels:");
  expect(await has(plain, ["infer"], "ragged")).toBe(false);
  expect(await has(plain, ["infer"], "inferenceStream")).toBe(false);
});

test("names of the cell that TypeScript reserves, or that the module needs, are told apart", async () => {
  const names = ["delete", "await", "Parameters", "dims", "trainingModule", "wasmPlan", "arguments", "v"];
  const exported = await Promise.all(
    names.map(async (name) => {
      const text = `cell ${name}(H = 4) {\n  param W : [H, H] = orthogonal\n  input x : [H]\n  state h : [H] = 0\n  h' = tanh(h @ W + x)\n  output h'\n}\n`;
      const { description } = await madeOf(text, { options: { entries: ["infer"] } });
      return / (\w+): InferenceModule</.exec(await moduleText(description))?.[1];
    }),
  );
  expect(exported).toEqual([
    ...["delete_", "await_", "Parameters_", "dims_", "trainingModule_", "wasmPlan_", "arguments_", "v"],
  ]);
});

test("a parameter, an input or a dimension may be called as what objects inherit", async () => {
  const text = `cell c(valueOf = 3, constructor = 4) {
  param toString : [valueOf, constructor] = orthogonal
  input hasOwnProperty : [valueOf]
  state h : [constructor] = 0
  h' = tanh(h + hasOwnProperty @ toString)
  output h'
}
`;
  const { description } = await madeOf(text, { options: { entries: ["infer"] } });
  const script = await javaScriptOf(await moduleText(description));
  const { plan } = evaluated(script, "wasm") as { readonly plan: { readonly dims: object } };
  expect(Object.entries(plan.dims)).toEqual([
    ["valueOf", 3],
    ["constructor", 4],
    ["batch", 64],
  ]);
});

test("comments cannot end the comment that they become, nor begin a tag in it", async () => {
  const text = `// Ends here: */ export const x = 1; /* and here
//   a @ b
// @deprecated no
cell c(H = 4) {
  param W : [H, H] = orthogonal  // */ boom()
  input x : [H]
  state h : [H] = 0
  h' = tanh(h @ W + x)
  output h'
}
`;
  const { description } = await madeOf(text, { options: { entries: ["infer"] } });
  const printed = await moduleText(description);
  expect(printed).toContain(
    " * Ends here: *\\/ export const x = 1; /* and here\n * ```text\n * a @ b\n * ```\n * \\@deprecated no\n",
  );
  expect(printed).toContain("*\\/ boom()");
  expect(await declarationsOf(printed)).not.toMatch(/^boom/m);
});

test("a module tells constants from parameters", async () => {
  const { description } = await made("examples/cells/esn.cell", { options: { dims: { D: 3, H: 4, K: 2 } } });
  const doc = (name: string) => description.parameters.find((one) => one.name === name)?.doc.at(-1);
  expect(doc("Wh")).toBe("A constant, which training does not change.");
  expect(doc("Wo")).not.toContain("constant");
  expect(await moduleText(description)).toContain("A constant, which training does not change.");
});
