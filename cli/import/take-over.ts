/** Puts the numbers of a library's layers where a cell's parameters have them. */
import type { Gate, Signed } from "../../compiler/proofs/gated-cell.ts";
import { cannotTakeOver } from "./cannot-take-over.ts";
import type { CellLayer, CellLayers } from "./cell-layers.ts";
import { kindWords } from "./cell-layers.ts";
import type { Places } from "./places.ts";
import { type GateNumbers, gatesOf, type Role, type Unit } from "./units.ts";

/** The numbers that elements of parameters are to have. */
export class Taken {
  readonly #places: Places;
  #values = new Float32Array();
  /** 1 for each element that has one. */
  #known = new Uint8Array();

  constructor(places: Places) {
    this.#places = places;
  }

  /** Throws C0413 for an element that has another number already, and for a number that f32 cannot hold. */
  set(element: number, value: number, whose: string): void {
    this.#grow();
    const rounded = Math.fround(value);
    if (!Number.isFinite(rounded))
      throw cannotTakeOver(`${whose} holds ${value}, which is no number that f32 can hold`);
    // −0 and 0 are the same here.
    if (this.#known[element] === 1 && this.#values[element] !== rounded) {
      const { name, first } = this.#places.parameterOf(element);
      throw cannotTakeOver(
        `${whose} gives the element ${element - first} of \`${name}\` the number ${rounded}, and another part of it ${this.#values[element]}: the cell shares it between gates`,
        "take a cell whose gates have numbers of their own",
      );
    }
    this.#values[element] = rounded;
    this.#known[element] = 1;
  }

  /** The parameters that have numbers, of the lengths that `lengthOf` says. Throws C0413 for one of which only a part has. */
  parameters(lengthOf: (name: string) => number): ReadonlyMap<string, Float32Array> {
    const found = new Map<string, Float32Array>();
    for (let element = this.#known.indexOf(1); element >= 0; ) {
      const { name, first } = this.#places.parameterOf(element);
      const end = first + lengthOf(name);
      const missing = this.#known.subarray(first, end).indexOf(0);
      if (missing >= 0)
        throw cannotTakeOver(`the element ${missing} of \`${name}\` is in no gate of the layers, and others of it are`);
      found.set(name, this.#values.slice(first, end));
      element = this.#known.indexOf(1, end);
    }
    return found;
  }

  /** Elements get their numbers while the gates are followed. */
  #grow(): void {
    const { count } = this.#places;
    if (this.#known.length === count) return;
    const [values, known] = [new Float32Array(count), new Uint8Array(count)];
    values.set(this.#values);
    known.set(this.#known);
    [this.#values, this.#known] = [values, known];
  }
}

/**
 * The numbers that the cell's parameters must have to compute what the units do. Throws C0413 where there is no such number: other numbers
 * of layers, directions, features or units, a bias that the cell has not, a GRU that resets elsewhere, a parameter that gates share.
 */
export function takeOver(
  { graph, places, layers }: CellLayers,
  units: readonly (readonly Unit[])[],
  taken: Taken,
): void {
  const words = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;
  if (layers.length !== units.length)
    throw cannotTakeOver(
      `the file has ${words(units.length, "layer")}, and ${graph.name} has ${words(layers.length, "layer")}: ${layers.map((layer) => layer.map(({ name }) => `\`${name || graph.name}\``).join(" with ")).join(", ")}`,
      units.length < layers.length
        ? "say which scan they are of: --scan NAME"
        : "a model with as many scans on each other takes them",
    );
  layers.forEach((layer, at) => {
    const own = units[at];
    const both = own.length === 2;
    if (layer.length !== own.length)
      throw cannotTakeOver(
        `layer ${at + 1} of the file runs ${both ? "in both directions" : "forward"}, and that of ${graph.name} ${layer.length === 2 ? "in both" : layer[0].cell.reverse ? "backward" : "forward only"}`,
      );
    layer.forEach((one, i) => {
      const unit = own[i];
      if (unit.reverse !== undefined && unit.reverse !== one.cell.reverse)
        throw cannotTakeOver(
          `${unit.name} runs ${unit.reverse ? "backward" : "forward"}, and \`${one.name || graph.name}\` does not`,
        );
      takeUnit(one, unit, graph.name);
    });
  });

  function takeUnit(layer: CellLayer, unit: Unit, model: string): void {
    const { cell, dims } = layer;
    const called = layer.name === "" ? model : `\`${layer.name}\` of ${model}`;
    if (unit.kind !== cell.kind)
      throw cannotTakeOver(`${unit.name} is ${kindWords[unit.kind]}, and ${called} is ${kindWords[cell.kind]}`);
    const sizes = [
      { what: "features enter", there: unit.inputSize, here: cell.inputSize, name: dims.input },
      { what: "units are in", there: unit.size, here: cell.size, name: dims.size },
    ];
    for (const { what, there, here, name } of sizes)
      if (there !== here)
        throw cannotTakeOver(
          `${there} ${what} ${unit.name}, and ${here} ${called}`,
          name === undefined ? undefined : `--dims ${name}=${there}`,
        );
    if (cell.kind === "rnn" && unit.activation !== undefined && unit.activation !== cell.activation)
      throw cannotTakeOver(`${unit.name} has ${unit.activation}, and ${called} ${cell.activation}`);
    if (cell.kind === "gru" && (cell.reset === "after") !== unit.resetAfter)
      throw cannotTakeOver(
        `${unit.name} resets ${unit.resetAfter ? "after" : "before"} the product with the state, and ${called} ${cell.reset}: σ(r) ∘ (h R) and (σ(r) ∘ h) R are different numbers for all weights`,
        `take a cell that resets ${unit.resetAfter ? "after" : "before"} it, such as gru_${unit.resetAfter ? "after" : "before"} of examples/cells/gru.cell`,
      );
    const gates = cell.gates as Readonly<Partial<Record<Role, Gate>>>;
    for (const [role, numbers] of gatesOf(unit)) takeGate(gates[role]!, numbers, { role, unit, called });
  }

  function takeGate(gate: Gate, numbers: GateNumbers, where: Where): void {
    const put = <T>(
      into: readonly Signed<T>[],
      at: (of: T) => Float64Array,
      values: Float64Array,
      what: string,
    ): void => {
      if (into.length === 0) {
        if (values.some((value) => value !== 0)) throw lacks(where, what);
        return;
      }
      // The first takes all of it, and what else is added is 0.
      into.forEach(({ sign, of }, i) => {
        const found = at(of);
        if (found.length !== values.length)
          throw cannotTakeOver(`${where.called} has one number for the ${what} of all units in its ${where.role} gate`);
        for (const [k, element] of found.entries())
          taken.set(element, i === 0 ? gate.sign * sign * values[k] : 0, where.unit.name);
      });
    };
    put(gate.input, (of) => places.ofBlock(of), numbers.input, "product with the input");
    put(gate.recurrent, (of) => places.ofBlock(of), numbers.recurrent, "product with the state");
    put(gate.bias, (of) => places.ofPart(of), numbers.bias, "bias");
    put(gate.resetBias, (of) => places.ofPart(of), numbers.resetBias, "bias under the reset gate (b_hn)");
  }
}

interface Where {
  readonly role: Role;
  readonly unit: Unit;
  readonly called: string;
}

const lacks = ({ role, unit, called }: Where, what: string) =>
  cannotTakeOver(
    `the ${role} gate of ${unit.name} has a ${what}, and that of ${called} has none`,
    what.startsWith("bias") ? "add one to the cell: param b : [H] = 0" : undefined,
  );
