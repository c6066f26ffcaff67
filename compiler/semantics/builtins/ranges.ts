/** The built-in numbers that count. */
import * as dim from "../../ir/dim.ts";
import type { Value } from "../../ir/types.ts";
import { type Builtin, extent, real, value } from "../builtin.ts";
import { elementwise } from "../expressions.ts";
import { type Meaning, poison } from "../scope.ts";

const isNumber = (m: Meaning | undefined, n: number): boolean => m?.kind === "number" && m.number === n;

export const ranges = {
  range: {
    signature: "range(n) or range(n, from, step)",
    doc: "0, 1, …, n − 1; or n numbers from `from` on, `step` apart",
    arity: [1, 3],
    apply: (call) => {
      const { args, spans, span, c } = call;
      const size = extent(call, 0);
      const [, from, step] = args;
      const start = from === undefined || isNumber(from, 0) ? "none" : real(call, 1);
      const apart = step === undefined || isNumber(step, 1) ? "none" : real(call, 2);
      if (size === undefined || start === undefined || apart === undefined) return poison;
      const positions = value(c.builder.one("iota", [], { size: dim.show(size) }));
      const combined = (op: "add" | "mul", m: Meaning, by: Value | "none", at: number): Meaning =>
        m.kind !== "value" || by === "none" ? m : elementwise(op, [by, m.value], [spans[at], span], span, c);
      return combined("add", combined("mul", positions, apart, 2), start, 1);
    },
  },
} satisfies Readonly<Record<string, Builtin>>;
