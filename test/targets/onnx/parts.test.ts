/** Sequences in parts: a run goes on from the states of the run before, and gives what the whole sequence gives. */
import { describe, expect, it } from "vitest";
import { fileHost } from "../../../cli/api/file-host.ts";
import { relativeError } from "../../../compiler/ir/finite-differences.ts";
import { refusalOfParts } from "../../../compiler/lower.ts";
import { elaborate } from "../../../compiler/semantics/elaborate.ts";
import { floor, tolerance } from "../../compile/tolerances.ts";
import { type Exported, exportedFrom, type Fed, feedsOf, inferenceStudy, STEPS } from "./exported.ts";
import { runOnnx } from "./runtime.ts";

const [BATCH, TIME] = [2, STEPS + 4];

/** Loops that are ops and Scans, with statistics for each step, counted steps, several states, and delays. */
const cells = ["lstm", "gru", "bnlstm", "lnlstm", "clockwork", "mamba", "lmu", "xlstm"];

type Outputs = Awaited<ReturnType<typeof runOnnx>>;

/** The steps of an input [batch, time, …] from one on to another, not included. */
function part({ element, dims, data }: Fed, from: number, to: number): Fed {
  const n = data.length / BATCH / TIME;
  const numbers = data as Float32Array;
  const rows = Array.from({ length: BATCH }, (_, b) => [
    ...numbers.subarray((b * TIME + from) * n, (b * TIME + to) * n),
  ]).flat();
  return { element, dims: [BATCH, to - from, ...dims.slice(2)], data: Float32Array.from(rows) };
}

/** Runs a model on parts of a sequence that end at these steps. */
async function inParts(
  { encoded, inputs, model }: Exported,
  feeds: Readonly<Record<string, Fed>>,
  ends: readonly number[],
): Promise<readonly Outputs[]> {
  const states = inputs.filter((name) => name.startsWith("state_"));
  const shapes = new Map(model.graph.input.map(({ name, type }) => [name, shapeOf(type)]));
  // What stands there at the beginning is not read.
  let before: Record<string, Fed> = Object.fromEntries(
    states.map((name) => {
      const dims = shapes.get(name)!.map((d) => (d === "batch" ? BATCH : Number(d)));
      const data = new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(7);
      return [name, { element: "float32", dims, data }];
    }),
  );
  const found: Outputs[] = [];
  let from = 0;
  for (const to of ends) {
    const now = Object.fromEntries(Object.entries(feeds).map(([name, fed]) => [name, part(fed, from, to)]));
    const first: Fed = { element: "int64", dims: [], data: BigInt64Array.of(BigInt(from)) };
    const outputs = await runOnnx(encoded, { ...now, ...before, first_step: first });
    before = Object.fromEntries(
      states.map((name) => {
        const { dims, data } = outputs[`next_${name}`];
        return [name, { element: "float32", dims, data: data as Float32Array }];
      }),
    );
    found.push(outputs);
    from = to;
  }
  return found;
}

function shapeOf(type: object): readonly (number | string)[] {
  const { shape } = (type as { readonly tensorType: { readonly shape: { readonly dim: readonly object[] } } })
    .tensorType;
  return shape.dim.map((d) => Object.values(d)[0] as number | string);
}

describe("in parts as in one piece:", () => {
  it.each(cells)("%s", async (file) => {
    const { graph, dims } = elaborate(`examples/cells/${file}.cell`, fileHost);
    const options = { dims, batch: BATCH, time: TIME, nearInitial: 0.1 };
    const study = inferenceStudy(graph, options);
    const whole = exportedFrom(graph, study, options);
    const parts = exportedFrom(graph, study, { ...options, carry: true });
    expect(parts.loops).toEqual(whole.loops);
    const feeds = feedsOf(graph, study, options, {}, whole.inputs);
    const [all] = [await runOnnx(whole.encoded, feeds)];
    const found = await inParts(parts, feeds, [3, 4, TIME]);
    for (const name of whole.outputs) {
      const n = all[name].data.length / BATCH / TIME;
      const joined = Array.from({ length: BATCH }, (_, b) =>
        found.flatMap((outputs) => {
          const { data } = outputs[name];
          const steps = data.length / BATCH / n;
          return Array.from(data as Float32Array).slice(b * steps * n, (b + 1) * steps * n);
        }),
      ).flat();
      expect(relativeError(all[name].data as Float32Array, joined, floor.tensor), name).toBeLessThan(tolerance.forward);
    }
  });

  it("what needs later steps cannot, nor what has no states", () => {
    const { graph } = elaborate("examples/models/tagger.cell", fileHost);
    expect(refusalOfParts(graph)?.refused).toBe("a loop runs from the last step to the first");
    const { graph: attention } = elaborate("examples/models/seq2seq.cell", fileHost);
    expect(refusalOfParts(attention)?.refused).toContain("whose time axis");
  });
});
