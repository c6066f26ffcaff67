import fc from "fast-check";
import { expect, test } from "vitest";
import { inBlocks } from "../../compiler/codegen/loops.ts";
import * as x from "../../compiler/kernel-ir/expr.ts";
import type { KExpr, KStmt } from "../../compiler/kernel-ir/types.ts";

/** The value of an integer expression, with these variables. */
function evaluated(e: KExpr, variables: ReadonlyMap<string, number>): number {
  if (e.k === "int") return e.value;
  if (e.k === "var") return variables.get(e.name)!;
  if (e.k !== "int2") throw new Error(`no integer: ${e.k}`);
  const [a, b] = [evaluated(e.a, variables), evaluated(e.b, variables)];
  switch (e.op) {
    case "add":
      return a + b;
    case "sub":
      return a - b;
    case "rem":
      return a % b;
    default:
      throw new Error(`not here: ${e.op}`);
  }
}

/** Runs loops over blocks, each of which tells its size by a comment: all positions that they take, in order. */
function positions(statements: readonly KStmt[], variables: ReadonlyMap<string, number>): readonly number[] {
  const scope = new Map(variables);
  return statements.flatMap((s) => {
    if (s.s === "let") {
      scope.set(s.name, evaluated(s.value, scope));
      return [];
    }
    if (s.s !== "for") throw new Error(`not here: ${s.s}`);
    const [from, to] = [evaluated(s.from, scope), evaluated(s.to, scope)];
    const taken: number[] = [];
    for (let i = from; i < to; i += s.step) for (let k = 0; k < s.step; k++) taken.push(i + k);
    return taken;
  });
}

test("blocks of any sizes take each position once, whether the ends are known or not", () => {
  const sizes = fc
    .uniqueArray(fc.integer({ min: 2, max: 30 }), { maxLength: 5 })
    .map((n) => [...n.sort((a, b) => b - a), 1]);
  fc.assert(
    fc.property(sizes, fc.nat(40), fc.nat(150), fc.boolean(), fc.boolean(), (sizes, first, count, isKnown, exact) => {
      let names = 0;
      const [from, to] = isKnown
        ? [x.int(first), x.int(first + count)]
        : [x.variable("first", "i32"), x.variable("last", "i32")];
      const multiple = exact ? Math.max(count, 1) : 1;
      const range = { hint: "i", kind: "serial" as const, from, to, most: undefined, multiple };
      const loops = inBlocks(
        (hint) => `${hint}${names++}`,
        range,
        sizes,
        () => [],
      );
      const variables = new Map([
        ["first", first],
        ["last", first + count],
      ]);
      expect(positions(loops, variables)).toEqual(Array.from({ length: count }, (_, i) => first + i));
    }),
  );
});
