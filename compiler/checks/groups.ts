/** Checks that a batch has whole groups of examples, where a norm takes it in groups. */
import { CompileError } from "../diagnostics/diagnostic.ts";
import { nowhere } from "../diagnostics/span.ts";
import type { Graph } from "../ir/types.ts";

/** Throws C0243 for a batch that a norm of `graph`, as elaborated, cannot take in groups. */
export function checkGroups({ norms }: Graph, batch: number, ragged: boolean): void {
  const refuse = (message: string, help: string): never => {
    throw new CompileError([{ code: "C0243", severity: "error", message, span: nowhere, help }]);
  };
  for (const [, { name, ops }] of norms) {
    for (const op of ops) {
      if (op.op !== "group_sum") continue;
      const { group: size } = op.attrs;
      if (ragged)
        refuse(
          `\`${name}\` takes a batch in groups, and its sequences may differ in length`,
          "late steps would have groups of a single example, which has no variance: use batch, or sequences of one length",
        );
      if (batch > size && batch % size !== 0)
        refuse(
          `\`${name}\` takes a batch in groups of ${size}, and a batch of ${batch} has a rest of ${batch % size}`,
          `use batches of ${size * Math.max(1, Math.floor(batch / size))} or ${size * Math.ceil(batch / size)} examples`,
        );
    }
  }
}
