/** Checks a graph's dimensions once they are bound: extents are whole and positive, and indices have entries to select. */
import { CompileError } from "../diagnostics/diagnostic.ts";
import * as dim from "../ir/dim.ts";
import { rowOf } from "../ir/ops.ts";
import type { Graph, Op } from "../ir/types.ts";
import { brokenExtent, wholeExtent } from "../ir/whole.ts";

/**
 * Throws C0217 for the first extent that is not whole and positive, naming it and the numbers it was computed from; C0228 for an
 * index with more values than entries to select from; and C0229 for a constant that is not a number.
 */
export function checkDims(graphs: readonly Graph[], dims: Readonly<Record<string, number>>, file: string): void {
  const refuse = (code: "C0228" | "C0229", message: string, help: string): never => {
    throw new CompileError([{ code, severity: "error", message, span: { file, start: 0, end: 0 }, help }]);
  };
  const select = (below: dim.Dim, of: dim.Dim): void => {
    const [i, n] = [dim.evaluate(below, dims), dim.evaluate(of, dims)];
    if (i > n) refuse("C0228", `an index below ${i} selects from ${n} entries`, "choose other dimensions with --dims");
  };
  const visit = (ops: readonly Op[]): void => {
    for (const op of ops) {
      const selected = rowOf(op.op).selects?.(
        op.operands.map((v) => v.type),
        op.attrs as never,
      );
      if (selected) select(selected.below, selected.of);
      if (op.op === "const" && Number.isNaN(op.attrs.value))
        refuse("C0229", "a constant is not a number", "see what is divided by zero, or taken a root or log of");
      for (const d of op.results.flatMap((r) => r.type.shape)) {
        const n = dim.evaluate(d, dims);
        if (Number.isInteger(n) && n > 0) continue;
        throw new CompileError([
          {
            code: "C0217",
            severity: "error",
            message: `the extent ${brokenExtent(d, dims)}, not a whole positive number`,
            span: { file, start: 0, end: 0 },
            help: wholeExtent(d, dims) ?? "choose other dimensions with --dims",
          },
        ]);
      }
      if (op.body) visit(op.body.ops);
    }
  };
  for (const graph of graphs) visit(graph.ops);
}
