import { describe, expect, it } from "vitest";
import { decayedParameters } from "../../compiler/decayed-parameters.ts";
import { CompileError } from "../../compiler/diagnostics/diagnostic.ts";
import {
  type OptimizerChoice,
  type OptimizerRow,
  optimizerNames,
  optimizers,
  readOptimizer,
  recordedOptimizer,
  recordedOptions,
  slotsOf,
} from "../../compiler/optimizers.ts";
import { compile } from "../semantics/sources.ts";
import { optimizersDoc } from "./optimizers-doc.ts";

/** The message and the help with which a choice is refused. */
function refusal(choose: () => unknown): string {
  try {
    choose();
  } catch (error) {
    if (error instanceof CompileError)
      return error.diagnostics.map(({ message, help }) => `${message}: ${help}`).join();
    throw error;
  }
  return "accepted";
}

describe("an optimiser's options", () => {
  it.each(optimizerNames)("of %s have defaults that they take, and texts that mean them", (name) => {
    for (const row of Object.values((optimizers[name] as OptimizerRow).options)) {
      expect(row.test(row.default)).toBe(true);
      expect(row.read(row.show(row.default))).toEqual(row.default);
    }
    const rows = Object.entries((optimizers[name] as OptimizerRow).options);
    expect(readOptimizer(name)).toEqual({ name, ...Object.fromEntries(rows.map(([at, row]) => [at, row.default])) });
  });

  it.each([
    ["adamm", "there is no optimiser `adamm`: did you mean `adam`?"],
    ["newton", `there is no optimiser \`newton\`: optimisers are ${optimizerNames.join(", ")}`],
    ["toString", `there is no optimiser \`toString\`: optimisers are ${optimizerNames.join(", ")}`],
    [{ name: "adam", weightDecay: 0.1 }, "adam has no option `weightDecay`: it is an option of adamw"],
    [{ name: "sgd", eps: 1e-8 }, "sgd has no option `eps`: it is an option of rmsprop and adam and adamw"],
    [{ name: "sgd", nesterov: true }, "sgd has no option `nesterov`: it has none"],
    [{ name: "adam", beta: [0, 0] }, "adam has no option `beta`: did you mean `betas`?"],
    [{ name: "adam", betas: [0.9] }, "`betas` is two numbers from 0 to below 1, not [0.9]"],
    // In f32 it is 1.
    [{ name: "adam", betas: [0.9, 0.99999999] }, "`betas` is two numbers from 0 to below 1, not [0.9, 0.99999999]"],
    [{ name: "adam", eps: 0 }, "`eps` is a number above 0, not 0"],
    [{ name: "adam", eps: "1e-8" }, '`eps` is a number above 0, not "1e-8"'],
    [{ name: "adamw", weightDecay: -1 }, "`weightDecay` is a number of at least 0, not -1"],
    [{ name: "momentum", momentumFactor: null }, "`momentumFactor` is a number from 0 to below 1, not null"],
    [{ name: "adamw", decayed: [] }, "`decayed` is weights, all, or names of parameters, such as Wx,rnn/Wh, not []"],
  ])("are refused with what to do: %j", (choice, message) => {
    expect(refusal(() => readOptimizer(choice as OptimizerChoice))).toContain(message);
  });

  it.each<[OptimizerChoice, Readonly<Record<string, string>>]>([
    ["adam", {}],
    [{ name: "adam", eps: 1e-8, betas: [0.9, 0.999] }, {}],
    [{ name: "adam", betas: [0.9, 0.99] }, { betas: "0.9,0.99" }],
    [{ name: "rmsprop", eps: 1e-8 }, { eps: "1e-8" }],
    [{ name: "rmsprop", momentumFactor: 0 }, {}],
    [{ name: "rmsprop", momentumFactor: 0.9 }, { momentumFactor: "0.9" }],
    // Once, `adamw` alone meant another.
    ["adamw", { weightDecay: "0.01" }],
    [
      { name: "adamw", decayed: ["b", "a"], weightDecay: 0.5 },
      { weightDecay: "0.5", decayed: "a,b" },
    ],
  ])("are recorded where they are not the default, and known again: %j", (choice, texts) => {
    const optimizer = readOptimizer(choice);
    expect(recordedOptions(optimizer)).toEqual(texts);
    expect(recordedOptions(recordedOptimizer(optimizer.name, texts)!)).toEqual(texts);
  });

  it("are none of an optimiser that is not known, and of those that are not known nothing is made", () => {
    expect(recordedOptimizer("lion")).toBeUndefined();
    expect(recordedOptimizer("adam", { nesterov: "1", eps: "small" })).toEqual(readOptimizer("adam"));
  });

  it.each<[OptimizerChoice, readonly string[]]>([
    ["sgd", []],
    ["momentum", ["m"]],
    // A momentum of 0 is one that is kept, as it ever was.
    [{ name: "momentum", momentumFactor: 0 }, ["m"]],
    ["rmsprop", ["r"]],
    [{ name: "rmsprop", momentumFactor: 0, rmsDecay: 0 }, ["r"]],
    [{ name: "rmsprop", momentumFactor: 0.9 }, ["r", "m"]],
    ["adamw", ["m", "v"]],
  ])("say what is kept of each parameter: %j", (choice, slots) => {
    expect(slotsOf(readOptimizer(choice))).toEqual(slots);
  });

  it("docs/optimizers.md says what the table of optimisers says", async () => {
    await expect(optimizersDoc()).toMatchFileSnapshot("../../docs/optimizers.md");
  });
});

describe("weight decay", () => {
  const { graph } = compile(
    `cell memory(D, H) {
  param W   : [D, H] = 0
  param Wh  : [H, H] = 0
  param b   : [H] = 0
  param h0  : [H] = 0
  param C0  : [H, H] = 0
  param P   : [D, H] = 0
  param q   : [D] = 0
  input w : index(D)
  state C : [H, H] = 2 * transpose(C0)
  state h : [H] = h0 + q @ P
  site hh = h @ Wh
  h' = tanh(embed(w, W) + hh + b)
  C' = C * 0.5
  output h'
}
model m(D = 3, H = 4) {
  input w : index(D) over time
  param V : [H, 2] = 0
  hs = scan memory(D, H) over w
  output last(hs) @ V
  loss sum(last(hs) @ V, over feature)
  place memory.hh : layer
  place V : weight
}`,
  );
  const decayed = (choice: OptimizerChoice): readonly string[] =>
    [...decayedParameters(graph, readOptimizer(choice))].sort();

  it("is for matrices and tables by default, not for vectors, initial states and what is a norm's", () => {
    expect(decayed("adamw")).toEqual(["V", "memory/P", "memory/W", "memory/Wh"]);
  });

  it("is for all parameters or those that are named, where that is asked for", () => {
    const all = decayed({ name: "adamw", decayed: "all" });
    expect(all).toEqual(expect.arrayContaining(["V", "V/g", "memory/C0", "memory/b", "memory/h0", "memory/hh/g"]));
    expect(decayed({ name: "adamw", decayed: ["memory/b", "V"] })).toEqual(["V", "memory/b"]);
  });

  it("is for none where it is 0, and for other optimisers", () => {
    expect(decayed({ name: "adamw", weightDecay: 0, decayed: "all" })).toEqual([]);
    expect(decayed("adam")).toEqual([]);
  });

  it("of a parameter that there is not is refused", () => {
    expect(refusal(() => decayed({ name: "adamw", decayed: ["V", "memory/Wx"] }))).toBe(
      "m has no parameter `memory/Wx` that could decay: did you mean `memory/W`?",
    );
  });
});
