/** The leaves of cells and models: parameters, constants and inputs. */
import type { Builder } from "../ir/builder.ts";
import * as dim from "../ir/dim.ts";
import { sameShape } from "../ir/type.ts";
import type { Type, Value } from "../ir/types.ts";
import type { InputStmt, ParamStmt, StateStmt } from "../syntax/ast.ts";
import { dimension, shapeOf } from "./constants.ts";
import { type Context, claim, leaf, showShape } from "./context.ts";
import type { InModule } from "./derivations.ts";
import { initialiser } from "./initialisers.ts";
import { type Meaning, poison } from "./scope.ts";

/** The parameter or constant that `s` (or its replacement) declares, named `name`, as a leaf of `b`. Poison after a report. */
export function parameter(
  s: ParamStmt,
  replaced: InModule<ParamStmt> | undefined,
  name: string,
  b: Builder,
  c: Context,
): Meaning {
  const shape = declaredShape(s, replaced, c);
  const from = replaced ? { ...c, module: replaced.module } : c;
  const stmt = replaced?.stmt ?? s;
  const init = shape && initialiser(stmt.init, shape, from);
  if (shape === undefined || init === undefined) return poison;
  if (init === "none") return { kind: "none" };
  const type: Type = { dtype: "f32", time: false, batch: false, shape };
  const full = claim(name, c.world.taken);
  c.world.sources.set(full, { name: s.name.text, span: s.name.span });
  const constant = stmt.kind === "const" && ({ constant: true } as const);
  const value = leaf(b, { kind: "param", name: full, init, ...constant }, type);
  c.world.parameters.set(value, full);
  return { kind: "value", value };
}

/** The shape that `s` declares; a statement that replaces it must declare the same. Undefined after a report. */
export function declaredShape(
  s: ParamStmt | StateStmt,
  replaced: InModule<ParamStmt | StateStmt> | undefined,
  c: Context,
): readonly dim.Dim[] | undefined {
  const shape = shapeOf(s.shape, c);
  const again = replaced && shapeOf(replaced.stmt.shape, { ...c, module: replaced.module });
  if (!shape || !again || sameShape(shape, again)) return shape;
  const message = `\`${s.name.text}\` is ${showShape(shape)}, not ${showShape(again)}`;
  c.problems.error("C0204", replaced.stmt.shape.span, message, {
    label: "`with` changes how it begins, not its shape",
    notes: [{ span: s.shape.span, message: `declared as ${showShape(shape)} here` }],
  });
  return undefined;
}

/** What the time axis without a name of its own is called. */
export const mainAxis = "time";

/** The type of an input, wherever it comes from. */
export interface InputType {
  readonly type: Type;
  /** For an index: how many values it can have. */
  readonly size: dim.Dim | undefined;
  /** The time axis that it varies over, if that is not the main one. */
  readonly axis?: string;
}

/** Undefined after a report. */
export function inputType(s: InputStmt, time: boolean, c: Context): InputType | undefined {
  const shape = s.type.kind === "tensor" ? shapeOf(s.type.shape, c) : [];
  const size = s.type.kind === "index" ? dimension(s.type.size, c) : undefined;
  if (shape === undefined || (s.type.kind === "index" && size === undefined)) return undefined;
  const common = { time, batch: true, shape } as const;
  const axis = time && s.axis !== undefined && s.axis.text !== mainAxis ? { axis: s.axis.text } : {};
  if (size === undefined) return { type: { dtype: "f32", ...common }, size, ...axis };
  c.world.indexSizes.push({ dim: size, span: s.span, expansions: c.problems.around });
  return { type: { dtype: "index", ...common, below: size }, size, ...axis };
}

/** An input as a leaf of `b`. */
export function inputLeaf(s: InputStmt, is: InputType, b: Builder, taken: Set<string>): Value {
  const { type, size } = is;
  const name = claim(s.name.text, taken);
  const axis = is.axis === undefined ? {} : { axis: is.axis };
  if (size) return leaf(b, { kind: "index", name, size: dim.show(size), ...axis }, type);
  return leaf(b, { kind: "input", name, ...(s.kind === "target" && { target: true }), ...axis }, type);
}
