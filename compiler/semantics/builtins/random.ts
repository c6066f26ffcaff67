/** Built-in functions that draw random numbers. */
import type { Noise } from "../../../runtime/plan.ts";
import type { Span } from "../../diagnostics/span.ts";
import type { Value } from "../../ir/types.ts";
import { type Builtin, type BuiltinCall, constant, extents, value } from "../builtin.ts";
import type { Context, Draw } from "../context.ts";
import { elementwise, realValue } from "../expressions.ts";
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

/** What is drawn for `args[i]`: a number for each element of a value, or of a shape. Undefined after a report. */
function drawnFor(call: BuiltinCall, i: number): Pick<Draw, "shape" | "like"> | undefined {
  const of = call.args[i];
  if (of.kind === "value") return { shape: of.value.type.shape, like: of.value.type };
  const shape = extents(call, of, call.spans[i]);
  return shape && { shape };
}

/**
 * A mask whose share changes: in training 1 where a uniform draw is below it; otherwise it is the share itself. As a draw, it has no
 * gradient.
 */
function maskOf(share: Value, drawn: Value, span: Span, c: Context): Meaning {
  const b = c.builder;
  const keep = b.one("stop", [share], {});
  const below = elementwise("lt", [drawn, keep], [span, span], span, c);
  if (below.kind !== "value") return below;
  // Where it is drawn for the examples, its mean has one for each, too, so that both have the same type.
  const mean = b.broadcast(keep, below.value.type);
  return value(b.select(b.one("training", [], {}), below.value, mean));
}

/** A mask with one element for each of a value or a shape. */
const mask = (name: string, once: boolean, doc: string): Builtin => ({
  signature: `${name}(keep, x) or ${name}(keep, [n, …])`,
  doc,
  arity: [2, 2],
  takesAllSteps: true,
  apply: (call) => {
    const { args, spans, c, span } = call;
    if (args[0].kind === "value") {
      const share = realValue(args[0], spans[0], c);
      const of = share && drawnFor(call, 1);
      if (share === undefined || of === undefined) return poison;
      const uniform = draw({ noise: { distribution: "uniform", scale: 1 }, ...of, once, span }, c);
      return uniform.kind === "value" ? maskOf(share, uniform.value, span, c) : uniform;
    }
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
    const of = drawnFor(call, 1);
    return of === undefined ? poison : draw({ noise: { distribution: "bernoulli", keep }, ...of, once, span }, c);
  },
});

/** Draws for a value or a shape in `args[at]`; without one, the shape is that of the state whose initial value it is. */
function drawShaped(call: BuiltinCall, at: number, noise: Noise): Meaning {
  const { args, c, span } = call;
  if (args.length <= at) return draw({ noise, once: false, span }, c);
  const of = drawnFor(call, at);
  return of === undefined ? poison : draw({ noise, ...of, once: false, span }, c);
}

export const randomFunctions = {
  noise: {
    signature: "noise(std), noise(std, [n, …]) or noise(std, x)",
    doc: "normal noise, fresh for each example and step",
    arity: [1, 2],
    takesAllSteps: true,
    apply: (call) => {
      const scale = constant(call.args[0], call.spans[0], call.c);
      return scale === undefined ? poison : drawShaped(call, 1, { distribution: "normal", scale });
    },
  },
  uniform_noise: {
    signature: "uniform_noise(low, high), with a shape [n, …] or a value x after it",
    doc: "uniform noise between low and high, fresh for each example and step; at inference its mean",
    arity: [2, 3],
    takesAllSteps: true,
    apply: (call) => {
      const { args, spans, c, span } = call;
      const [low, high] = [0, 1].map((i) => constant(args[i], spans[i], c));
      if (low === undefined || high === undefined) return poison;
      if (!(low < high)) {
        c.problems.error("C0222", span, `there is nothing to draw between ${low} and ${high}`, {
          label: "the second number must be larger than the first",
        });
        return poison;
      }
      const drawn = drawShaped(call, 2, { distribution: "uniform", scale: high - low });
      return drawn.kind === "value" && low !== 0 ? value(c.builder.add(drawn.value, c.builder.scalar(low))) : drawn;
    },
  },
  mask: mask("mask", false, "1 with probability keep, else 0, fresh for each example and step; at inference keep"),
  sequence_mask: mask("sequence_mask", true, "as mask, but the same at all steps of a sequence"),
} satisfies Readonly<Record<string, Builtin>>;
