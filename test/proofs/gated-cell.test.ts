import { readdirSync } from "node:fs";
import fc from "fast-check";
import { expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import type { Graph } from "../../compiler/ir/types.ts";
import { hoist } from "../../compiler/passes/hoist.ts";
import { place } from "../../compiler/passes/place.ts";
import { simplify } from "../../compiler/passes/simplify.ts";
import { type Gate, type GatedCell, recogniseCells } from "../../compiler/proofs/gated-cell.ts";
import type { Differs } from "../../compiler/proofs/recurrent-cell.ts";
import { declarations, elaborate } from "../../compiler/semantics/elaborate.ts";
import { compile } from "../semantics/sources.ts";
import { type GatedText, gatedText } from "./gated-texts.ts";

const dims = { batch: 2, time: 3, steps: 3 };

function found(graph: Graph, extents: Readonly<Record<string, number>>): GatedCell | Differs {
  return recogniseCells(graph, { ...extents, ...dims })[0].found;
}

/** What the only scan of a text is, as elaborated and as placed and hoisted: the same. */
function recognised(text: string): GatedCell | Differs {
  const { graph, dims: extents } = compile(text);
  const without = { ...graph, results: graph.results.filter(({ kind }) => kind === "output") };
  const placed = place("infer").run(without);
  const [own, hoisted] = [placed, simplify.run(place("infer").run(hoist.run(without)))].map((g) => found(g, extents));
  // Words are of values, which hoisting may rename.
  if ("differs" in own) expect(hoisted).toHaveProperty("differs");
  else expect(gatesOf(hoisted)).toEqual(gatesOf(own));
  return hoisted;
}

/** Where each gate finds its numbers, as text. */
function gatesOf(cell: GatedCell | Differs): unknown {
  if ("differs" in cell) return cell;
  const { input: _, ...rest } = cell;
  const at = (part: { readonly value: { readonly name: string }; readonly from: number; readonly to: number }) =>
    `${part.value.name}[${part.from}:${part.to}]`;
  const gate = ({ sign, input, recurrent, bias, resetBias }: Gate) => ({
    sign,
    input: input.map(({ sign, of }) => `${sign} ${of.value.name}[${of.rows}; ${of.columns}]`),
    recurrent: recurrent.map(({ sign, of }) => `${sign} ${of.value.name}[${of.rows}; ${of.columns}]`),
    bias: bias.map(({ sign, of }) => `${sign} ${at(of)}`).sort(),
    resetBias: resetBias.map(({ sign, of }) => `${sign} ${at(of)}`),
  });
  const gates = Object.entries(cell.gates).map(([role, of]) => [role, gate(of)] as const);
  return { ...rest, gates: Object.fromEntries(gates) };
}

const folder = "examples/cells";
const library = readdirSync(folder).flatMap((file) =>
  declarations(`${folder}/${file}`, fileHost)
    .filter(({ kind }) => kind === "cell")
    .map(({ name }) => ({ file: `${folder}/${file}`, name })),
);

it("of the library's cells, exactly the LSTM, the GRUs and the plain networks are what libraries have as one op", () => {
  const kinds = library.flatMap(({ file, name }) => {
    const { graph, dims: extents } = elaborate(file, fileHost, { entry: name });
    const cell = recogniseCells(place("infer").run(graph), { ...extents, ...dims }).map(({ found }) => found)[0];
    return cell === undefined || "differs" in cell ? [] : [`${name}: ${cell.kind}`];
  });
  // The minimal gated unit is a GRU whose gates share their weights.
  expect(kinds).toEqual(["gru_before: gru", "gru_after: gru", "irnn: rnn", "lstm: lstm", "mgu: gru", "rnn: rnn"]);
});

it.each(["lstm", "gru", "rnn"] as const)("an %s is recognised however it is written, gate by gate", (kind) => {
  fc.assert(
    fc.property(gatedText(kind), ({ text, places }) => {
      const cell = recognised(text);
      if ("differs" in cell) throw new Error(cell.differs);
      expect(cell).toMatchObject({ kind, size: 4, inputSize: 3, reverse: false, outputs: ["hidden"] });
      const { gates } = gatesOf(cell) as { gates: Record<string, Readonly<Record<string, readonly string[]>>> };
      const plain = (texts: readonly string[]) => texts.map((text) => text.replace(/^1 /, ""));
      const at = Object.entries(gates).map(([role, { input, recurrent, bias }]) => {
        return [role, { input: plain(input).join(), recurrent: plain(recurrent).join(), bias: plain(bias) }];
      });
      expect(Object.fromEntries(at)).toEqual(places);
    }),
    { numRuns: 60 },
  );
});

/** One change to a text that makes it another cell, and what is said of that. */
const mutations: Readonly<Record<GatedText["kind"], readonly (readonly [from: RegExp, to: string, says: RegExp])[]>> = {
  lstm: [
    [/tanh\(g\)/, "relu(g)", /where an LSTM has σ\(f\) ∘ c \+ σ\(i\) ∘ tanh\(g\)/],
    [/tanh\(c'\)/, "sigmoid(c')", /where an LSTM has σ\(o\) ∘ tanh\(c'\)/],
    [/tanh\(c'\)/, "relu(c')", /where an LSTM has σ\(o\) ∘ tanh\(c'\)/],
    [/sigmoid\(f\)/, "(1 - sigmoid(i))", /where an LSTM has/],
    [/sigmoid\(f\)/, "sigmoid(2 * f)", /the forget gate also adds 2 ∘/],
    [/sigmoid\(f\)/, "sigmoid(f + c)", /the forget gate also adds c: /],
    [/sigmoid\(o\)/, "sigmoid(o + c')", /the output gate also adds/],
    [/sigmoid\(i\)/, "sigmoid(i - h * h)", /the input gate also adds −h ∘ h/],
  ],
  gru: [
    [/m = tanh/, "m = relu", /its new value is relu\(…\), where a GRU has tanh/],
    [/u = sigmoid\(z\)/, "u = tanh(z)", /where a GRU has \(1 − σ\(z\)\)/],
    [/u = sigmoid\(z\)/, "u = sigmoid(z + h)", /the update gate also adds h: /],
    [/sigmoid\(r\) \* state_n/, "sigmoid(r) * sigmoid(z) * state_n", /one reset gate/],
    [/sigmoid\(r\) \* state_n/, "state_n", /one reset gate/],
    [
      / \+ input_n\)/,
      " + sigmoid(r) * input_n)",
      /the reset gate multiplies the whole product of the state, and nothing else/,
    ],
  ],
  rnn: [
    [/h' = \w+\(a\)/, "h' = sigmoid(a)", /h' = sigmoid\(…\), where an RNN has tanh or relu/],
    [/h' = \w+\(a\)/, "h' = tanh(a) + h", /where a GRU has/],
    [/h' = \w+\(a\)/, "h' = tanh(a + x[0])", /the hidden value also adds/],
  ],
};

it.each(["lstm", "gru", "rnn"] as const)(
  "an %s with one thing changed is refused, and where it differs is said",
  (kind) => {
    fc.assert(
      fc.property(gatedText(kind), fc.constantFrom(...mutations[kind]), ({ text }, [from, to, says]) => {
        fc.pre(from.test(text));
        const changed = recognised(text.replace(from, to));
        expect("differs" in changed ? changed.differs : changed.kind).toMatch(says);
      }),
      { numRuns: 60 },
    );
  },
);
