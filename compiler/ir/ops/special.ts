/**
 * The two ops whose meaning is in the interpreter and whose derivative is in `derive`: `leaf`, which has no operands, and `scan`,
 * which has a body.
 */
import { InternalError } from "../../diagnostics/internal-error.ts";
import { fields, flag, integer, leafOfType } from "../attributes.ts";
import * as dim from "../dim.ts";
import { anything, within } from "../range.ts";
import { ShapeError, showType } from "../type.ts";
import type { OpAttrs } from "../types.ts";
import type { Row } from "./row.ts";

const ofBody = (what: string) => (): never => {
  throw new InternalError(`${what} is known of a scan's body alone`);
};

export const special: { readonly [K in "leaf" | "scan"]: Row<OpAttrs[K]> } = {
  leaf: {
    doc: "a value from outside the graph",
    operands: [],
    attributes: leafOfType,
    infer: (_, { leaf, type }) => {
      const below = leaf.kind === "index" ? dim.parse(leaf.size) : undefined;
      if (below === undefined ? type.dtype === "index" : !type.below || !dim.equal(type.below, below))
        throw new ShapeError(`the leaf ${leaf.name} is no ${showType(type)}`);
      return [type];
    },
    axes: () => [],
    range: (_, { attrs: { leaf } }) => {
      if (leaf.kind === "lengths" || leaf.kind === "step") return within([], 0, anything.high);
      return leaf.kind === "input" ? { ...anything, finite: "given" } : anything;
    },
    form: "view",
  },
  scan: {
    doc: "a body run once per time step",
    operands: "many",
    attributes: fields({ states: integer, reverse: flag }),
    infer: ofBody("the type of what it makes"),
    axes: ofBody("how its results depend on operands"),
    range: ofBody("what its results may be"),
    form: "loop",
  },
};
