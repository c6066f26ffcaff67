/** `split(x, N)` with a dimension N: as many parts as its number says, each of the extent that the text gives it, `H / N`. */
import * as dim from "../../ir/dim.ts";
import type { Value } from "../../ir/types.ts";
import { type BuiltinCall, value } from "../builtin.ts";
import { extentOf, isExtent, maxParts } from "../constants.ts";
import { wanted } from "../context.ts";
import { type Meaning, poison } from "../scope.ts";

/** The parts of an axis. Poison if the number of parts is not known, which is only so while a file is checked. */
export function partsByDimension(x: Value, axis: number, parts: dim.Dim, call: BuiltinCall): Meaning {
  const { c, span, spans } = call;
  const part = dim.divide(x.type.shape[axis], parts);
  const n = extentOf(parts, c.world.numbers);
  if (n === undefined) {
    c.world.incomplete.because = "parts";
    return poison;
  }
  if (part === undefined || !isExtent(n) || n > maxParts) {
    c.problems.error("C0222", spans[1], `\`split\` cannot make ${dim.show(parts)} = ${n} parts`, {
      label: `a whole number up to ${maxParts}, one term of dimensions: N, 2 * N`,
    });
    return poison;
  }
  wanted(part, span, c);
  // As the op `split` would make them, their extent were H/4, which is H/N only with this number.
  const shape = x.type.shape.toSpliced(axis, 1, parts, part);
  const rows = c.builder.one("reshape", [x], { shape: shape.map(dim.show) });
  const items = c.builder.emit("split", [rows], { axis, parts: n });
  const meanings = items.map((row) => value(c.builder.sum(row, { features: [axis] })));
  return n === 1 ? meanings[0] : { kind: "list", items: meanings };
}
