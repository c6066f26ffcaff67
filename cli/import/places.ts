/** Where the numbers of a value of a graph are among its parameters, if it is only a view of them. */

import { structuralRow } from "../../compiler/ir/ops.ts";
import { type Bindings, count, type Tensor, tensor } from "../../compiler/ir/tensor.ts";
import type { StructuralOp, Value } from "../../compiler/ir/types.ts";
import { type Definitions, reads } from "../../compiler/passes/rewrite.ts";
import { entriesOf, type Part, type WeightBlock } from "../../compiler/proofs/gate-terms.ts";
import { cannotTakeOver } from "./cannot-take-over.ts";

/** Ops whose results are elements of their operands. */
const VIEWS: ReadonlySet<string> = new Set([
  ...["split", "concat", "cut", "slice", "transpose", "reshape", "broadcast", "flip", "copy", "stop"],
]);

/**
 * Follows views to the parameters of one graph. Every element of a parameter that was met has a number, and a view of parameters is the
 * numbers of its elements. `extents`: of all dimensions of the graph.
 */
export class Places {
  readonly #defs: Definitions;
  readonly #extents: Bindings;
  /** The parameters met so far, and the number that the first element of each has. Numbers are consecutive. */
  readonly #parameters: { readonly name: string; readonly first: number }[] = [];
  readonly #known = new Map<Value, Tensor>();
  #next = 0;

  constructor(defs: Definitions, extents: Bindings) {
    this.#defs = defs;
    this.#extents = extents;
  }

  /** The numbers of the elements of a block of weights, [rows, columns]. Throws C0413 if it is no view of parameters. */
  ofBlock(block: WeightBlock): Float64Array {
    const { data, shape } = this.#numbered(block.value);
    return entriesOf(block, data, shape[1]);
  }

  /** The numbers of the elements of a part of a vector. Throws C0413 as above. */
  ofPart({ value, from, to }: Part): Float64Array {
    return this.#numbered(value).data.slice(from, to);
  }

  /** The parameter that an element is of, and the number of that parameter's first element. */
  parameterOf(element: number): { readonly name: string; readonly first: number } {
    return this.#parameters.findLast(({ first }) => first <= element)!;
  }

  /** How many elements have numbers. */
  get count(): number {
    return this.#next;
  }

  /** The names of the parameters that a value is computed from. */
  parametersOf(value: Value, found = new Set<string>(), seen = new Set<Value>()): ReadonlySet<string> {
    const op = this.#defs.get(value);
    if (op === undefined || seen.has(value)) return found;
    seen.add(value);
    if (op.op === "leaf" && op.attrs.leaf.kind === "param") found.add(op.attrs.leaf.name);
    for (const operand of reads(op)) this.parametersOf(operand, found, seen);
    return found;
  }

  /** A value whose elements are the numbers of the parameters' elements that they are. */
  #numbered(value: Value): Tensor {
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    const op = this.#defs.get(value)!;
    let made: Tensor;
    if (op.op === "leaf" && op.attrs.leaf.kind === "param") {
      const first = this.#next;
      const shape = tensor(value.type, this.#extents).shape;
      this.#next += count(shape);
      this.#parameters.push({ name: op.attrs.leaf.name, first });
      made = tensor(
        value.type,
        this.#extents,
        Float64Array.from({ length: count(shape) }, (_, i) => first + i),
      );
    } else if (VIEWS.has(op.op)) {
      const operands = op.operands.map((operand) => this.#numbered(operand));
      const types = op.results.map(({ type }) => type);
      const results = structuralRow(op.op as StructuralOp).evaluate(operands, op.attrs as never, types, this.#extents);
      op.results.forEach((result, i) => void this.#known.set(result, results[i]));
      made = results[op.results.indexOf(value)];
    } else {
      const names = [...this.parametersOf(value)].map((name) => `\`${name}\``).join(" and ");
      throw cannotTakeOver(
        `what the cell multiplies by or adds is computed from ${names || "no parameter"} by \`${op.op}\`, and cannot be written back`,
        "take off norms on parameters: --place Wh=none",
      );
    }
    this.#known.set(value, made);
    return made;
  }
}
