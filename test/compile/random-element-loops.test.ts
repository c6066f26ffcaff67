/** Random elementwise cells: whoever owns their loops, kernels compute what the reference does, and it has the gradients that differences show. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CompileError } from "../../compiler/diagnostics/diagnostic.ts";
import type { LoopOwner } from "../../compiler/partition/loop-owner.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { wgsl } from "../../targets/wgsl/target.ts";
import { expectComputed } from "../codegen/expect-computed.ts";
import { numbersFor } from "../passes/meaning.ts";
import { compile } from "../semantics/sources.ts";
import { Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const H = 5;
const names = ["h", "g", "c"];

/** Expressions of the states, inputs and parameters, smooth wherever gradients are compared. */
const expression = (states: readonly string[]): fc.Arbitrary<string> =>
  fc.letrec<{ e: string }>((tie) => ({
    e: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      fc.constantFrom(...states, "x", "z", "a", "b", "0.5"),
      fc.tuple(tie("e"), fc.constantFrom("+", "-", "*"), tie("e")).map(([s, op, t]) => `(${s} ${op} ${t})`),
      fc.tuple(fc.constantFrom("sigmoid", "tanh", "sin"), tie("e")).map(([f, s]) => `${f}(${s})`),
      fc.tuple(tie("e"), tie("e")).map(([s, t]) => `where(x > 0, ${s}, ${t})`),
    ),
  })).e;

/** A next value that stays small: of the state itself, linear, or anything. */
const next = (state: string, states: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constantFrom(`sigmoid(z) * ${state} + x`, `a * ${state} - 0.5 * z`, `${state} + 0.1 * x`),
    expression(states).map((e) => `0.5 * tanh(${e}) + 0.3 * ${state}`),
    expression(states).map((e) => `tanh(${e})`),
  );

interface Random {
  readonly text: string;
  readonly lengths: readonly number[] | undefined;
  readonly time: number;
}

const random: fc.Arbitrary<Random> = fc.integer({ min: 1, max: 3 }).chain((n) => {
  const states = names.slice(0, n);
  const time = 4;
  return fc
    .record({
      nexts: fc.tuple(...states.map((s) => next(s, states))),
      first: fc.constantFrom("0", "tanh(a)", "noise(0.2)"),
      out: expression([...states, ...states.map((s) => `${s}'`)]),
      loss: fc.constantFrom(
        "mse(hs, y)",
        "mean(tanh(hs) * y)",
        "mse(last(hs), first(y))",
        "mean(sum(hs * y, over time)^2)",
        "mse(hs @ W, y) + mean(sum(hs, over time))",
      ),
      reverse: fc.constantFrom("", " reverse"),
      lengths: fc.option(fc.array(fc.integer({ min: 1, max: time }), { minLength: 3, maxLength: 3 }), {
        nil: undefined,
      }),
    })
    .map(({ nexts, first, out, loss, reverse, lengths }) => ({
      time,
      // The longest sequence fills the batch.
      lengths: lengths && [time, ...lengths.slice(1)],
      text: `cell c(H = ${H}) {
  param a : [H] = 0.3
  param b : [H] = -0.2
  param V : [H, H] = orthogonal
  input x : [H]
${states.map((s) => `  state ${s} : [H] = ${first}`).join("\n")}
  z = x @ V
${states.map((s, i) => `  ${s}' = ${nexts[i]}`).join("\n")}
  output ${out} + 0.1 * ${states[0]}'
}

model m(H = ${H}) {
  param W : [H, H] = orthogonal
  input x : [H] over time
  input y : [H] over time
  hs = scan c(H) over x${reverse}
  output hs
  loss ${loss}
}
`,
    }));
});

describe("a random elementwise cell", () => {
  it("is computed as the reference does by lanes that own elements or chunks, and by threads", () => {
    const owners = new Map<LoopOwner, number>();
    fc.assert(
      fc.property(random, ({ text, lengths, time }) => {
        const study = new Study(compile(text).graph, {
          dims: { H },
          batch: 3,
          time,
          seed: 2,
          lengths,
          nearInitial: 0.2,
        });
        const { placed, entries } = study.lowered;
        const dims = { H, batch: 3, time, steps: time };
        const leaves = numbersFor(placed, dims);
        expect(study.directionError()).toBeLessThan(tolerance.differences);
        for (const target of [wgsl, wasm])
          for (const owner of ["element", "chunk"] as const)
            for (const entry of ["train", "infer"] as const) {
              const loops = { forward: owner, backward: owner };
              try {
                expectComputed(entries[entry], placed, { dims, leaves }, target.machine, loops);
                owners.set(owner, (owners.get(owner) ?? 0) + 1);
              } catch (error) {
                // An elementwise loop can always be owned by elements, and not always by chunks.
                if (!(error instanceof CompileError) || owner === "element") throw error;
              }
            }
      }),
      { numRuns: 25 },
    );
    expect(owners.get("element")).toBe(25 * 4);
    expect(owners.get("chunk")).toBeGreaterThan(0);
  });
});
