/** Built-in functions that draw random numbers. */
import { type Builtin, constant, extents } from "../builtin.ts";
import type { Context, Draw } from "../context.ts";
import { type Meaning, poison } from "../scope.ts";

/** Draws numbers, or reports that the text must not do so here. */
function draw(what: Draw, c: Context): Meaning {
  if (c.draw !== undefined) return c.draw(what);
  c.problems.error("C0223", what.span, "nothing can be drawn at random here", {
    label: "only cells and models draw noise and masks",
    help: "a norm gives the same for the same values; draw in the cell around it",
  });
  return poison;
}

/** A mask with one element for each of a value or a shape. */
const mask = (name: string, once: boolean, doc: string): Builtin => ({
  signature: `${name}(keep, x) or ${name}(keep, [n, …])`,
  doc,
  arity: [2, 2],
  apply: (call) => {
    const { args, spans, c, span } = call;
    const keep = constant(args[0], spans[0], c);
    if (keep === undefined) return poison;
    // Not 0 either: nothing would be left, and dividing by `keep` to compensate would give NaN.
    if (!(keep > 0 && keep <= 1)) {
      c.problems.error("C0222", spans[0], `a mask cannot keep a share of ${keep}`, {
        label: "a probability is needed here, above 0 and up to 1",
        help: "what is dropped or zoned out at a rate is kept with probability 1 − rate",
      });
      return poison;
    }
    const noise = { distribution: "bernoulli", keep } as const;
    const of = args[1];
    if (of.kind === "value") {
      const like = of.value.type;
      return draw({ noise, shape: like.shape, like, once, span }, c);
    }
    const shape = extents(call, of, spans[1]);
    return shape === undefined ? poison : draw({ noise, shape, once, span }, c);
  },
});

export const randomFunctions = {
  noise: {
    signature: "noise(std) or noise(std, [n, …])",
    doc: "normal noise, fresh for each example and step",
    arity: [1, 2],
    apply: (call) => {
      const { args, spans, c, span } = call;
      const scale = constant(args[0], spans[0], c);
      if (scale === undefined) return poison;
      const noise = { distribution: "normal", scale } as const;
      if (args.length === 1) return draw({ noise, once: false, span }, c);
      const shape = extents(call, args[1], spans[1]);
      return shape === undefined ? poison : draw({ noise, shape, once: false, span }, c);
    },
  },
  mask: mask("mask", false, "1 with probability keep, else 0, fresh for each example and step; at inference keep"),
  sequence_mask: mask("sequence_mask", true, "as mask, but the same at all steps of a sequence"),
} satisfies Readonly<Record<string, Builtin>>;
