/** Built-in products. */
import * as dim from "../../ir/dim.ts";
import { type Builtin, real, value } from "../builtin.ts";
import { showShape } from "../context.ts";
import { misfit } from "../expressions.ts";
import { poison } from "../scope.ts";

export const products = {
  headwise: {
    signature: "headwise(x, W)",
    doc: "the product of x [k, n] and W [k, n, m], head by head: [k, m]",
    arity: [2, 2],
    apply: (call) => {
      const [x, W] = [real(call, 0), real(call, 1)];
      if (x === undefined || W === undefined) return poison;
      const [a, b] = [x.type.shape, W.type.shape];
      if (a.length === 2 && b.length === 3 && dim.equal(a[0], b[0]) && dim.equal(a[1], b[1]))
        return value(call.c.builder.dot(x, W, { a: "hk", b: "hka", out: "ha", batch: false, time: false }));
      const shapes = [x, W].map((v, i) => ({ span: call.spans[i], message: `this is ${showShape(v.type.shape)}` }));
      return misfit(call.span, "`headwise` multiplies [k, n] and [k, n, m]", shapes, call.c);
    },
  },
} satisfies Readonly<Record<string, Builtin>>;
