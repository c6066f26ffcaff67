import { expect, test } from "vitest";
import {
  CompileError,
  type CompileOptions,
  check,
  compile,
  fileHost,
  format,
  parsePlacements,
  render,
  type SourceHost,
} from "../../../cli/api/compiler.ts";
import { compile as compileFile } from "../../../compiler/compile.ts";
import { optimizerNames } from "../../../compiler/optimizers.ts";
import { wgsl } from "../../../targets/wgsl/target.ts";

const lstm = "examples/cells/lstm.cell";
const small = { dims: { D: 3, H: 4 }, batch: 2, time: 3 };

/** The one diagnostic with which something is refused, without where it stands. */
function refusal(act: () => unknown): { readonly code: string; readonly message: string; readonly help?: string } {
  try {
    act();
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    const [{ code, message, help }] = error.diagnostics;
    return { code, message, help };
  }
  throw new Error("it was accepted");
}

test("a file is read from the disk and compiled for WebAssembly by default", () => {
  const { plan, code } = compile(lstm, small).executable;
  expect([plan.target, plan.optimizer, code.kind]).toEqual(["wasm", "adam", "wasm"]);
});

test("target, host and optimiser are options", () => {
  const host: SourceHost = { ...fileHost, read: (path) => (path === "mine.cell" ? fileHost.read(lstm) : undefined) };
  const { plan } = compile("mine.cell", { ...small, target: wgsl, host, optimizer: "adamw" }).executable;
  expect([plan.target, plan.optimizer]).toEqual(["wgsl", "adamw"]);
});

test("placements are taken as the command line takes them, and as they were parsed", () => {
  const place = "hh=layer,xh=group(2)";
  const norms = (options: CompileOptions) =>
    compile(lstm, { ...small, ...options }).sites.map(({ name, norm }) => [name, norm?.name]);
  expect(norms({ place })).toEqual([
    ["hh", "layer"],
    ["xh", "group"],
    ["cc", undefined],
  ]);
  expect(norms({ place: parsePlacements(place) })).toEqual(norms({ place }));
  expect(refusal(() => compile(lstm, { place: "hh" }))).toMatchObject({
    code: "C0301",
    message: "`hh` is not a placement",
  });
});

// A program may be JavaScript, and then types are no help.
test.each<[what: string, options: object, message: string, help?: string]>([
  ["a misspelt name", { optimiser: "sgd" }, "compile has no option `optimiser`", "did you mean `optimizer`?"],
  [
    "a name of the command line",
    { schedule: "row" },
    "compile has no option `schedule`",
    "its options are entry, dims",
  ],
  [
    "a misspelt word",
    { optimizer: "adma" },
    `\`optimizer\` is one of ${optimizerNames.join(", ")}, or an object of its name and options, not "adma"`,
    "did you mean `adam`?",
  ],
  [
    "an optimiser's misspelt option",
    { optimizer: { name: "adamw", weightdecay: 0.1 } },
    "adamw has no option `weightdecay`",
    "did you mean `weightDecay`?",
  ],
  [
    "another optimiser's option",
    { optimizer: { name: "adam", weightDecay: 0.1 } },
    "adam has no option `weightDecay`",
    "it is an option of adamw",
  ],
  ["no word", { storage: 16 }, "`storage` is one of f32, f16, not 16"],
  ["a batch of none", { batch: 0 }, "`batch` is a whole number, at least 1, not 0"],
  ["a part of a step", { time: 2.5 }, "`time` is a whole number, at least 1, not 2.5"],
  ["a batch that is a text", { batch: "64" }, '`batch` is a whole number, at least 1, not "64"'],
  ["memory below nothing", { memory: -1 }, "`memory` is a number above 0, not -1"],
  [
    "dimensions that are texts",
    { dims: { H: "8" } },
    '`dims` is an object of numbers by their names, such as { H: 100 }, not { H: "8" }',
  ],
  [
    "cells as the command line takes them",
    { cells: "rnn=lstm" },
    '`cells` is an object of names by names, such as { rnn: "lstm" }, not "rnn=lstm"',
  ],
  [
    "a placement by site",
    { place: { hh: "layer" } },
    '`place` is a text such as "hh=layer", or the result of parsePlacements, not { hh: "layer" }',
  ],
  [
    "an entry that there is not",
    { entries: ["infer", "forward"] },
    '`entries` is a list of train, estimate, infer, update, start, step, not ["infer", "forward"]',
  ],
  [
    "a loop that runs elsewhere",
    { loops: { sideways: "row" } },
    '`loops` is an object with forward and backward, each one of column, row, element, chunk, whole, not { sideways: "row" }',
  ],
  ["a flag that is a number", { ragged: 1 }, "`ragged` is true or false, not 1"],
  ["nothing", { batch: null }, "`batch` is a whole number, at least 1, not null"],
  ["a target's name", { target: "wgsl" }, '`target` is a target, such as `wgsl` of cellc/targets/wgsl, not "wgsl"'],
  [
    "half a host",
    { host: { read: () => "" } },
    "`host` is what can `read` and `resolve`, such as fileHost, not { read: a function }",
  ],
])("%s is refused", (_what, options, message, help) => {
  const refused = refusal(() => compile(lstm, options));
  expect(refused).toMatchObject({ code: "C0309", message });
  if (help !== undefined) expect(refused.help).toContain(help);
});

test("options that are none and a path that is none are refused", () => {
  const call = compile as (...args: readonly unknown[]) => unknown;
  expect(refusal(() => call(lstm, "sgd")).message).toBe('the options of compile are an object, not "sgd"');
  expect(refusal(() => call({ file: lstm })).message).toBe("the path of a file is a text");
  expect(refusal(() => call(lstm, {}, "wgsl")).code).toBe("C0309");
  expect(refusal(() => check(lstm, { entyr: "lstm" } as object)).help).toBe("did you mean `entry`?");
  expect(refusal(() => render([], { colour: true } as object)).help).toBe("did you mean `color`?");
});

test("the compiler itself misses a target and a host by name", () => {
  const call = compileFile as (...args: readonly unknown[]) => unknown;
  expect(refusal(() => call(lstm, {})).message).toBe("a target is missing");
  expect(refusal(() => call(lstm, {}, wgsl)).message).toBe("a host is missing, which says where texts come from");
});

test("target and host may follow the options", () => {
  const text = "cell c(H = 2) {\n  input x : [H]\n  state h : [H] = 0\n  h' = tanh(x)\n  output h'\n}\n";
  const host: SourceHost = { read: (path) => (path === "c.cell" ? text : undefined), resolve: (_, path) => path };
  expect(compile("c.cell", { batch: 2, time: 2 }, wgsl, host).executable.plan.target).toBe("wgsl");
});

test("an option that is undefined is left at its default", () => {
  const { plan } = compile(lstm, { ...small, optimizer: undefined, host: undefined, target: undefined }).executable;
  expect([plan.target, plan.optimizer]).toEqual(["wasm", "adam"]);
});

test("what is wrong with a file is checked and said, with an excerpt from its host", () => {
  const text = "cell c(H = 2) {\n  state h : [H] = 0\n  h' = tanh(hh)\n  output h'\n}\n";
  const host: SourceHost = { read: (path) => (path === "c.cell" ? text : undefined), resolve: (_, path) => path };
  const diagnostics = check("c.cell", { host });
  expect(diagnostics.map(({ code }) => code)).toEqual(["C0201"]);
  expect(render(diagnostics, { host })).toContain("3│   h' = tanh(hh)\n");
  expect(render(diagnostics)).not.toContain("tanh");
  expect(check(lstm)).toEqual([]);
  expect(check(lstm, { place: "nowhere=layer" }).map(({ code }) => code)).toEqual(["C0208"]);
});

test("a refusal is said without a place", () => {
  try {
    compile(lstm, { optimiser: "sgd" } as object);
  } catch (error) {
    expect(render((error as CompileError).diagnostics)).toBe(
      "error[C0309]: compile has no option `optimiser`\n = help: did you mean `optimizer`?\n\n1 error\n",
    );
  }
  expect.assertions(1);
});

test("a text is formatted", () => {
  expect(format("cell c(H=2){state h:[H]=0\nh'=h\noutput h'}", "c.cell").text).toBe(
    "cell c(H = 2) {\n  state h : [H] = 0\n  h' = h\n  output h'\n}\n",
  );
});
