/** The states of norms, which become states of the loop that their site is in. */
import type { Builder } from "../ir/builder.ts";
import type { Type, Value } from "../ir/types.ts";
import type { StateStmt } from "../syntax/ast.ts";

/** A state while its loop is being built. `next` is set when the norm's equation for it was expanded. */
export interface Carried {
  readonly stmt: StateStmt;
  readonly initial: Value;
  /** What the loop brings from the step before, in the body. */
  readonly carried: Value;
  /** Its value before the step: `carried`, unless the loop begins anew there. */
  readonly previous: Value;
  next?: Value;
}

/** A loop to which a norm can add states. */
export interface Loop {
  /** The block around it. */
  readonly outer: Builder;
  readonly body: Builder;
  /** Adds a state with this first value, of a type without time. */
  carry(stmt: StateStmt, initial: Value, name: string): Carried;
}

/** A loop of its own for a norm of `xs`, a value over time: `expand` makes one step of the result from one of `xs`. */
export function ownLoop(outer: Builder, xs: Value, expand: (x: Value, loop: Loop) => Value): Value {
  const body = outer.body();
  const x = body.value({ ...xs.type, time: false }, xs.name);
  const states: Carried[] = [];
  const carry: Loop["carry"] = (stmt, initial, name) => {
    const carried = body.value(initial.type, name);
    const state: Carried = { stmt, initial, carried, previous: carried };
    states.push(state);
    return state;
  };
  const y = expand(x, { outer, body, carry });
  const { outputs } = outer.scan(
    states.map((s) => s.initial),
    [xs],
    {
      params: [...states.map((s) => s.carried), x],
      ops: body.ops,
      results: [...states.map((s) => s.next ?? s.previous), y],
    },
    { reverse: false, names: [...states.map((s) => `${s.carried.name}_last`), y.name] },
  );
  return outputs[0];
}

/** The type of a state of `shape`: one for each example. */
export const stateType = (shape: Type["shape"]): Type => ({ dtype: "f32", time: false, batch: true, shape });
