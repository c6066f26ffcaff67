/** Every extent of a graph must be a whole, positive number once its dimensions are bound. */
import { CompileError } from "../diagnostics/diagnostic.ts";
import * as dim from "../ir/dim.ts";
import type { Graph, Op } from "../ir/types.ts";

/** Throws C0217 for the first extent that is not, naming it and the numbers it was made of. */
export function checkDims(graphs: readonly Graph[], dims: Readonly<Record<string, number>>, file: string): void {
  const visit = (ops: readonly Op[]): void => {
    for (const op of ops) {
      for (const d of op.results.flatMap((r) => r.type.shape)) {
        const n = dim.evaluate(d, dims);
        if (Number.isInteger(n) && n > 0) continue;
        const bound = dim.names(d).map((name) => `${name} = ${dims[name]}`);
        throw new CompileError([
          {
            code: "C0217",
            severity: "error",
            message: `the extent ${dim.show(d)} is ${n} with ${bound.join(", ")}, not a whole positive number`,
            span: { file, start: 0, end: 0 },
            help: "choose other dimensions with --dims",
          },
        ]);
      }
      if (op.body) visit(op.body.ops);
    }
  };
  for (const graph of graphs) visit(graph.ops);
}
