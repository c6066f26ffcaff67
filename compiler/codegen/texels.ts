/**
 * Kernels of texels: a unit computes four neighbours, in memory, of each value that its kernel stores. If the last axis is a whole
 * number of texels, these are four of one row, and all arithmetic is done on four at once. Otherwise each is computed on its own.
 */
import type { Type, Value } from "../ir/types.ts";
import * as x from "../kernel-ir/expr.ts";
import type { KExpr, KStmt } from "../kernel-ir/types.ts";
import { Evaluation, type Scope } from "./elementwise.ts";
import { binder, decode, type OwnedAxis } from "./loop-nest.ts";
import { onLanes } from "./loops.ts";
import type { Point } from "./point.ts";

/** What the texels of a kernel must know of it. */
export interface TexelSite {
  readonly scope: Scope;
  /** Statements that store four floats, the unit's own, in each place of `v`. */
  store(v: Value, value: KExpr): readonly KStmt[];
  /** Where the axes of a space begin. */
  start(space: Type): Point;
  axes(space: Type): readonly OwnedAxis[];
}

/** How many texels hold `floats`. */
export const texelsOf = (floats: number): number => Math.ceil(floats / 4);

/** Computes and stores values of one space. */
export function texels(site: TexelSite, space: Type, values: readonly Value[]): readonly KStmt[] {
  const { scope } = site;
  const axes = site.axes(space);
  const count = axes.reduce((n, { most }) => n * most!, 1);
  const last = axes[axes.length - 1];
  const texel: KExpr = { k: "group", axis: 0 };
  const isRow = last !== undefined && last.axis !== "b" && last.most! % 4 === 0;
  return [
    onLanes(scope.name, 1, () => {
      const evaluation = new Evaluation(scope);
      const stored = isRow ? inRow() : apart();
      return [...evaluation.statements, ...stored];

      function inRow(): readonly KStmt[] {
        const quads = last.most! / 4;
        const units = [...axes.slice(0, -1), { ...last, to: x.int(quads), most: quads, multiple: quads }];
        const { point } = decode(units, texel, site.start(space));
        const bind = binder(scope.name, evaluation.statements);
        // Indices count floats again.
        const f = point.f.map((e, i) => (i === last.axis ? bind(i, x.mul(e, x.int(4))) : bind(i, e)));
        const b = point.b && bind("b", point.b);
        const p: Point = { ...point, b, f, width: 4 };
        const computed = values.map((v) => evaluation.at(v, p));
        return values.flatMap((v, i) => site.store(v, computed[i]));
      }

      function apart(): readonly KStmt[] {
        const lanes = [0, 1, 2, 3].map((lane): readonly KExpr[] => {
          // A texel that is not full ends with zeros.
          if (lane >= count) return values.map(() => x.float(0));
          const at = x.add(x.mul(texel, x.int(4)), x.int(lane));
          const full = count % 4 === 0 || lane < count % 4;
          const { point } = decode(
            axes,
            full ? at : x.min(at, x.int(count - 1)),
            site.start(space),
            binder(scope.name, evaluation.statements),
          );
          const computed = values.map((v) => evaluation.at(v, point));
          if (full) return computed;
          const left: KExpr = { k: "toFloat", a: x.sub(x.int(count), at) };
          const inside: KExpr = { k: "math", op: "gt", type: "f32", args: [left, x.float(0)] };
          return computed.map((value) => ({
            k: "math",
            op: "select",
            type: "f32",
            args: [inside, value, x.float(0)],
          }));
        });
        return values.flatMap((v, i) =>
          site.store(v, { k: "vec4", lanes: [lanes[0][i], lanes[1][i], lanes[2][i], lanes[3][i]] }),
        );
      }
    }),
  ];
}
