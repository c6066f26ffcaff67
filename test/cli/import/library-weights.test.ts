import { readFileSync } from "node:fs";
import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { libraryNumbers } from "../../../cli/import/library-weights.ts";
import { openSource } from "../../../cli/import/open-source.ts";
import type { SourceName } from "../../../cli/import/source-names.ts";
import type { SourceFile } from "../../../cli/import/source-tensor.ts";
import { interpret } from "../../../compiler/ir/interpret.ts";
import { tensor } from "../../../compiler/ir/tensor.ts";
import type { Graph } from "../../../compiler/ir/types.ts";
import { placed } from "../../../compiler/lower.ts";
import { simplify } from "../../../compiler/passes/simplify.ts";
import type { Kept } from "../../../runtime/layout.ts";
import { type GatedText, gatedText } from "../../proofs/gated-texts.ts";
import { compile } from "../../semantics/sources.ts";
import { differenceOf, exchanged, type Inputs } from "./imported-models.ts";

const folder = "test/fixtures/weights";
const fixtures = JSON.parse(readFileSync(`${folder}/torch.json`, "utf8")) as Readonly<
  Record<string, { readonly x: Inputs; readonly y: Inputs }>
>;

const from = { lstm: "torch.nn.LSTM", gru: "torch.nn.GRU", rnn: "torch.nn.RNN" } as const satisfies Readonly<
  Record<GatedText["kind"], SourceName>
>;

const files = new Map<string, SourceFile>();

beforeAll(async () => {
  for (const name of ["lstm", "lstm_no_bias", "gru", "rnn_tanh"])
    files.set(name, await openSource(`${folder}/${name}.pt`, undefined, process.stdin));
});

/** The parameters of a graph, as far as an import asks. */
const keptOf = (graph: Graph, dims: Readonly<Record<string, number>>): readonly Kept[] =>
  graph.ops.flatMap((op) => {
    if (op.op !== "leaf" || op.attrs.leaf.kind !== "param") return [];
    return [{ name: op.attrs.leaf.name, shape: tensor(op.attrs.type, dims).shape, kind: "param" } as unknown as Kept];
  });

it.each(["lstm", "gru", "rnn"] as const)(
  "PyTorch's weights give its outputs in an %s, however that is written",
  async (kind) => {
    await fc.assert(
      fc.asyncProperty(gatedText(kind), async ({ text, places }) => {
        const { bias } = Object.values(places)[0];
        // A cell without biases takes the weights of a layer without.
        const name =
          kind === "lstm" ? (bias.length === 0 ? "lstm_no_bias" : "lstm") : kind === "gru" ? "gru" : "rnn_tanh";
        fc.pre((kind === "lstm" || bias.length > 0) && !text.includes("relu"));
        const elaborated = compile(text);
        const { graph, dims } = elaborated;
        const { numbers, error } = await libraryNumbers(
          files.get(name)!,
          from[kind],
          elaborated,
          keptOf(graph, dims),
          {},
        );
        expect(error).toBeLessThan(1e-6);
        const { x, y } = fixtures[name];
        const [examples, steps] = x.shape;
        const outputs = { ...graph, results: graph.results.filter((result) => result.kind === "output") };
        const found = interpret(simplify.run(placed(outputs, "infer")), {
          dims: { ...dims, batch: examples, time: steps, steps },
          leaf: (leaf, { kind }) => (kind === "param" ? numbers.get(leaf)! : exchanged(x)),
        });
        expect(differenceOf([...found.values()][0].data, exchanged(y))).toBeLessThan(1e-6);
      }),
      { numRuns: 40 },
    );
  },
);

it("a cell without the biases that a file has is refused, and so is one whose gates share them", async () => {
  const text = (bias: string): string => `cell c(D = 3, H = 4) {
  param W : [D, 4H] = xavier
  param R : [H, 4H] = xavier
  param b : [H] = 0
  input x : [D]
  state h : [H] = 0
  state c : [H] = 0
  f, i, o, g = split(x @ W + h @ R, 4)
  c' = sigmoid(f + ${bias}) * c + sigmoid(i) * tanh(g + b)
  h' = sigmoid(o) * tanh(c')
  output h'
}
`;
  const taken = (source: string) => {
    const elaborated = compile(source);
    return libraryNumbers(
      files.get("lstm")!,
      "torch.nn.LSTM",
      elaborated,
      keptOf(elaborated.graph, elaborated.dims),
      {},
    );
  };
  await expect(taken(text("0"))).rejects.toMatchObject({
    code: "C0413",
    message: expect.stringContaining("has a bias"),
  });
  await expect(taken(text("b"))).rejects.toMatchObject({ code: "C0413" });
});
