/**
 * A cell compiled on its own: its inputs are leaves, its outputs are results, and the loss is
 * L = mean over time and batch of Σ output · d_output, with an input `d_h` for each output `h`, so that the gradients of L
 * are vector–Jacobian products with `d_h`.
 */
import { Builder } from "../ir/builder.ts";
import type { Graph, Result, Value } from "../ir/types.ts";
import type { CellDecl } from "../syntax/ast.ts";
import { type ElaboratedCell, elaborateCell } from "./cells.ts";
import { claim, leaf, type World } from "./context.ts";
import type { InModule, Resolved } from "./derivations.ts";
import { entryParameters } from "./dimensions.ts";
import { inputLeaf } from "./leaves.ts";
import type { PlaceOption } from "./placements.ts";
import type { Scope } from "./scope.ts";
import type { SiteInfo } from "./sites.ts";

export interface Built {
  readonly graph: Graph;
  readonly sites: readonly SiteInfo[];
  /** Parameters, with the norms placed on them. */
  readonly parameters: readonly SiteInfo[];
  /** For the message about unused names. */
  readonly scope: Scope;
}

export function buildCell(cell: Resolved<CellDecl>, options: readonly InModule<PlaceOption>[], world: World): Built {
  const b = new Builder();
  const parameters = entryParameters(cell.decl.params, world);
  const elaborated = elaborateCell(
    {
      cell,
      scopeName: "",
      parameters,
      reverse: false,
      options,
      input: (stmt, wanted) => inputLeaf(stmt, wanted, b, world.taken),
    },
    world,
    b,
  );
  const outputs = elaborated.outputs.flatMap(({ name, value }): Result[] =>
    value ? [{ kind: "output", name, value }] : [],
  );
  const loss = pairing(b, outputs, world);
  const results: Result[] = loss ? [...outputs, { kind: "loss", name: "loss", value: loss }] : outputs;
  return { ...built(cell.name, b, results, elaborated), scope: elaborated.scope };
}

const built = (name: string, b: Builder, results: readonly Result[], e: ElaboratedCell): Omit<Built, "scope"> => ({
  graph: { name, ops: b.ops, results, norms: e.sites.norms },
  sites: e.sites.all,
  parameters: e.sites.parameters,
});

function pairing(b: Builder, outputs: readonly Result[], world: World): Value | undefined {
  let total: Value | undefined;
  for (const { name, value } of outputs) {
    if (value.type.dtype === "index") continue;
    const cotangent = leaf(b, { kind: "input", name: claim(`d_${name}`, world.taken) }, value.type);
    const { time, batch } = value.type;
    const features = value.type.shape.map((_, i) => i);
    const sum = b.sum(b.mul(value, cotangent), { time, batch, features });
    const mean = b.div(sum, b.extent(["batch", "time"]));
    total = total ? b.add(total, mean) : mean;
  }
  return total;
}
