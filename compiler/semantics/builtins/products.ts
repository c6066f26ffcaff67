/** Built-in products. */
import type { Span } from "../../diagnostics/span.ts";
import type { Builder } from "../../ir/builder.ts";
import * as dim from "../../ir/dim.ts";
import { hasAllSteps } from "../../ir/steps.ts";
import type { Value } from "../../ir/types.ts";
import { ownShape, showValue } from "../all-steps.ts";
import { type Builtin, type BuiltinCall, real, value } from "../builtin.ts";
import { describe, misfit } from "../expressions.ts";
import { type Meaning, poison } from "../scope.ts";

const shapesOf = (
  values: readonly Value[],
  { spans, c }: BuiltinCall,
): readonly { readonly span: Span; readonly message: string }[] =>
  values.map((v, i) => ({ span: spans[i], message: `this is ${showValue(v.type, c)}` }));

/** A product of the features that the labels name. All steps of a sequence are multiplied step by step. */
function product([x, y]: readonly [Value, Value], sides: readonly [string, string], out: string, b: Builder): Meaning {
  const taken = sides.join("");
  const letter = [..."zyxwvutsrqponmlkjihgfedcbaZYXWVUTSRQPONMLKJIHGFEDCBA"].find((l) => !taken.includes(l))!;
  const [s, t] = [x, y].map((v) => (hasAllSteps(v.type) ? letter : ""));
  return value(b.dot(x, y, { a: s + sides[0], b: t + sides[1], out: (s || t) + out }));
}

/** The labels of a product: those of its operands, and those of its result. */
interface Labels {
  readonly sides: readonly [string, string];
  readonly out: string;
}

/** The labels in `"nhd,mhd->hnm"`. Undefined after a report. */
function labelsOf({ args, spans, c }: BuiltinCall): Labels | undefined {
  const meaning = args[2];
  const refuse = (message: string, help?: string): undefined => {
    const example = 'a letter for each feature axis: "nhd,mhd->hnm" sums over d, for each h';
    c.problems.error("C0234", spans[2], message, { help: help ?? example });
    return undefined;
  };
  if (meaning.kind === "poison") return undefined;
  if (meaning.kind !== "text") return refuse(`${describe(meaning)} does not label the axes of a product`);
  const found = /^([A-Za-z]*),([A-Za-z]*)->([A-Za-z]*)$/.exec(meaning.text.replaceAll(/\s/g, ""));
  if (found === null) return refuse(`"${meaning.text}" does not label two values and their product`);
  const [, a, b, out] = found;
  for (const of of [a, b, out]) {
    const twice = [...of].find((letter, i) => of.indexOf(letter) !== i);
    if (twice !== undefined)
      return refuse(`the letter ${twice} stands twice in "${of}"`, "each axis of a value has a letter of its own");
  }
  const unknown = [...out].find((letter) => !a.includes(letter) && !b.includes(letter));
  if (unknown !== undefined) return refuse(`the letter ${unknown} of the result stands on neither side`);
  return { sides: [a, b], out };
}

/** Whether each operand has as many axes as letters, and each letter one extent. Reports it if not. */
function fitLabels(values: readonly Value[], { sides }: Labels, call: BuiltinCall): boolean {
  const notes = shapesOf(values, call);
  const extents = new Map<string, dim.Dim>();
  for (const [i, { type }] of values.entries()) {
    const shape = ownShape(type);
    if (shape.length !== sides[i].length) {
      const axes = `${shape.length} feature ${shape.length === 1 ? "axis" : "axes"}`;
      misfit(call.spans[i], `"${sides[i]}" labels ${sides[i].length}, and this value has ${axes}`, [notes[i]], call.c);
      return false;
    }
    for (const [k, letter] of [...sides[i]].entries()) {
      const known = extents.get(letter);
      if (known !== undefined && !dim.equal(known, shape[k])) {
        misfit(
          call.span,
          `the letter ${letter} is ${dim.show(known)} on the left and ${dim.show(shape[k])} on the right`,
          notes,
          call.c,
        );
        return false;
      }
      extents.set(letter, shape[k]);
    }
  }
  return true;
}

/** A product with labels. What one operand alone has and the result has not is summed first. */
function labelled(values: readonly [Value, Value], labels: Labels, call: BuiltinCall): Meaning {
  if (!fitLabels(values, labels, call)) return poison;
  const b = call.c.builder;
  const [left, right] = values.map((v, i) => {
    const own = labels.sides[i];
    const isNeeded = (letter: string): boolean => labels.out.includes(letter) || labels.sides[1 - i].includes(letter);
    const first = v.type.shape.length - own.length;
    const alone = [...own].flatMap((letter, k) => (isNeeded(letter) ? [] : [first + k]));
    const letters = [...own].filter(isNeeded).join("");
    return { letters, value: alone.length === 0 ? v : b.sum(v, { features: alone }) };
  });
  return product([left.value, right.value], [left.letters, right.letters], labels.out, b);
}

export const products = {
  dot: {
    signature: 'dot(a, b) or dot(a, b, "nhd,mhd->hnm")',
    doc: "the inner product of two vectors, or a product with a letter for each axis: what the result lacks is summed",
    arity: [2, 3],
    takesAllSteps: true,
    apply: (call) => {
      const [a, b] = [real(call, 0), real(call, 1)];
      if (a === undefined || b === undefined) return poison;
      if (call.args.length === 3) {
        const labels = labelsOf(call);
        return labels === undefined ? poison : labelled([a, b], labels, call);
      }
      const [s, t] = [ownShape(a.type), ownShape(b.type)];
      if (s.length === 1 && t.length === 1 && dim.equal(s[0], t[0]))
        return product([a, b], ["k", "k"], "", call.c.builder);
      const notes = shapesOf([a, b], call);
      if (s.length < 2 && t.length < 2)
        return misfit(call.span, "`dot` multiplies vectors of one extent", notes, call.c);
      call.c.problems.error("C0204", call.span, "`dot` without labels multiplies two vectors", {
        help: 'a matrix product is a @ W; others say what is summed: dot(a, b, "nk,mk->nm")',
        notes,
      });
      return poison;
    },
  },
  outer: {
    signature: "outer(a, b)",
    doc: "all products of an entry of a and one of b: [n, m]",
    arity: [2, 2],
    takesAllSteps: true,
    apply: (call) => {
      const [a, b] = [real(call, 0), real(call, 1)];
      if (a === undefined || b === undefined) return poison;
      if (ownShape(a.type).length === 1 && ownShape(b.type).length === 1)
        return product([a, b], ["n", "m"], "nm", call.c.builder);
      return misfit(call.span, "`outer` multiplies two vectors", shapesOf([a, b], call), call.c);
    },
  },
  headwise: {
    signature: "headwise(x, W)",
    doc: "the product of x [k, n] and W [k, n, m], head by head: [k, m]",
    arity: [2, 2],
    takesAllSteps: true,
    apply: (call) => {
      const [x, W] = [real(call, 0), real(call, 1)];
      if (x === undefined || W === undefined) return poison;
      const [a, b] = [ownShape(x.type), W.type.shape];
      if (a.length === 2 && b.length === 3 && dim.equal(a[0], b[0]) && dim.equal(a[1], b[1]))
        return product([x, W], ["hk", "hka"], "ha", call.c.builder);
      return misfit(call.span, "`headwise` multiplies [k, n] and [k, n, m]", shapesOf([x, W], call), call.c);
    },
  },
} satisfies Readonly<Record<string, Builtin>>;
