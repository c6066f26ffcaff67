/** Checks that a batch has whole groups of examples, where a norm takes it in groups. */
import { CompileError } from "../diagnostics/diagnostic.ts";
import { nowhere } from "../diagnostics/span.ts";
import type { Graph } from "../ir/types.ts";

const refuse = (message: string, help: string): never => {
  throw new CompileError([{ code: "C0243", severity: "error", message, span: nowhere, help }]);
};

/** The sizes of groups that norms of `graph` take, each with the name of its norm. */
const groupsIn = ({ norms }: Graph): readonly (readonly [norm: string, size: number])[] =>
  [...norms.values()].flatMap(({ name, ops }) =>
    ops.flatMap((op) => (op.op === "group_sum" ? [[name, op.attrs.group] as const] : [])),
  );

/** Throws C0243 for a batch that a norm of `graph`, as elaborated, cannot take in groups. */
export function checkGroups(graph: Graph, batch: number): void {
  for (const [name, size] of groupsIn(graph)) {
    if (batch > size && batch % size !== 0)
      refuse(
        `\`${name}\` takes a batch in groups of ${size}, and a batch of ${batch} has a rest of ${batch % size}`,
        `use batches of ${size * Math.max(1, Math.floor(batch / size))} or ${size * Math.ceil(batch / size)} examples`,
      );
  }
}

/**
 * Throws C0243 if a norm of `graph` takes a batch in groups, to train or to estimate where sequences differ in length.
 *
 * A group would have to count the examples that have a step, which is easy, but the groups of a batch run dry at different steps, some
 * from the first one on:
 *
 * - A group with one example left has no variance, and would need what `place` does for a whole batch, by marks of its own: which
 *   groups have two examples at a step, and which step was the last at which they had.
 * - The population's statistic is the mean over groups. At a step where each group has one example or none it has no value, though the
 *   batch has several examples there, and the runtime weights the batch by those: it knows how many examples a step has, not how many
 *   each group has. What would be averaged in is no statistic of anything.
 */
export function refuseGroups(graph: Graph): void {
  for (const [name, size] of groupsIn(graph))
    refuse(
      `\`${name}\` takes a batch in groups, and its sequences may differ in length`,
      `place batch, and train with batches of ${size}: each is then a group; or compile without \`ragged\`, for batches of one length each`,
    );
}
