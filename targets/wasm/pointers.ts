import type { KExpr } from "../../compiler/kernel-ir/types.ts";
import { addScaled, isMovable, type Linear, namesIn, type Term, type Terms } from "./linear.ts";
import type { Wat } from "./wat.ts";

/** A region or a tile: the local that holds its first byte's address, and how many bytes further it starts. */
export interface Base {
  readonly name: string;
  readonly local: string;
  readonly offset: number;
}

/** A loop being printed. Pointers into memory are set before it and moved along at its end. */
export interface LoopFrame {
  readonly parent: LoopFrame | undefined;
  readonly variable: string;
  readonly from: Linear;
  readonly step: number;
  /** Names that are declared or assigned in the loop's body: what depends on them is not known before the loop. */
  readonly inner: ReadonlySet<string>;
  readonly pointers: Map<string, Wat>;
  readonly before: Wat[];
  readonly after: Wat[];
}

export interface Address {
  readonly pointer: Wat;
  /** The immediate of the access, in bytes. */
  readonly offset: number;
}

export interface PointerPrinter {
  /** The value of an integer atom. */
  value(e: KExpr): Wat;
  /** A new i32 local. */
  local(wanted: string): string;
}

const isGet = (wat: Wat): boolean => Array.isArray(wat) && wat[0] === "local.get";

const scaled = (value: Wat, factor: number): Wat =>
  factor === 1 ? value : ["i32.mul", value, ["i32.const", `${factor}`]];

/** start + 4 × Σ terms + bytes. */
function sum(start: Wat, terms: Iterable<Term>, bytes: number, printer: PointerPrinter): Wat {
  let total = start;
  for (const { atom, coefficient } of terms)
    total = ["i32.add", total, scaled(printer.value(atom), Math.imul(4, coefficient))];
  return bytes === 0 ? total : ["i32.add", total, ["i32.const", String(bytes)]];
}

/**
 * The address of `base[index]` inside `frame` (strength reduction). The constant becomes the immediate of the access, so that
 * neighbours share a pointer. Loop-invariant terms become a pointer that is set before the loop, and the term of the loop's own
 * variable becomes the pointer's increment: no product is left in the loop. An index with a negative term (`T - 1 - t`) keeps its
 * constant in the pointer: without it the sum might lie before address 0, and WebAssembly adds immediates without wrapping round.
 * (A variable in an index is never negative.)
 */
export function addressOf(base: Base, index: Linear, frame: LoopFrame | undefined, printer: PointerPrinter): Address {
  const bytes = Math.imul(4, index.constant) + base.offset;
  const immediate = bytes >= 0 && [...index.terms.values()].every((t) => t.coefficient > 0);
  const pointer = pointerTo(base, index.terms, immediate ? 0 : bytes, frame, printer);
  return { pointer, offset: immediate ? bytes : 0 };
}

/** base + 4 × Σ terms + bytes, in a local if the loop allows it. */
function pointerTo(
  base: Base,
  terms: Terms,
  bytes: number,
  frame: LoopFrame | undefined,
  printer: PointerPrinter,
): Wat {
  const start: Wat = ["local.get", base.local];
  if (frame === undefined) return sum(start, terms.values(), bytes, printer);
  const early = new Map([...terms].filter(([, { atom }]) => isEarly(atom, frame)));
  if (early.size === 0) return sum(start, terms.values(), bytes, printer);
  const late = [...terms].filter(([key]) => !early.has(key)).map(([, term]) => term);
  return sum(walkingPointer(base, early, bytes, frame, printer), late, 0, printer);
}

/** Known on entry to the loop, or the loop's own variable. */
function isEarly(atom: KExpr, frame: LoopFrame): boolean {
  if (atom.k === "var" && atom.name === frame.variable) return true;
  return isMovable(atom) && namesIn(atom).every((name) => name !== frame.variable && !frame.inner.has(name));
}

/** A pointer that is valid throughout an iteration of `frame`, made on first use. */
function walkingPointer(base: Base, terms: Terms, bytes: number, frame: LoopFrame, printer: PointerPrinter): Wat {
  const sorted = [...terms].map(([k, { coefficient }]) => `${coefficient} ${k}`).sort();
  const key = `${base.name} ${bytes} ${sorted.join()}`;
  const known = frame.pointers.get(key);
  if (known !== undefined) return known;

  const own = [...terms].find(([, { atom }]) => atom.k === "var" && atom.name === frame.variable);
  const outer = new Map(terms);
  if (own !== undefined) outer.delete(own[0]);
  const stride = own?.[1].coefficient ?? 0;
  const atStart = addScaled({ constant: 0, terms: outer }, frame.from, stride);
  const start = pointerTo(base, atStart.terms, bytes + Math.imul(4, atStart.constant), frame.parent, printer);

  // A local that does not change during this loop needs no copy.
  let pointer = start;
  if (stride !== 0 || !isGet(start)) {
    const names = [...terms.values()].flatMap(({ atom }) => label(atom)).slice(0, 3);
    const local = printer.local([base.name, ...names].join("_"));
    pointer = ["local.get", local];
    frame.before.push(["local.set", local, start]);
    if (stride !== 0) {
      const along = String(Math.imul(Math.imul(4, stride), frame.step));
      frame.after.push(["local.set", local, ["i32.add", pointer, ["i32.const", along]]]);
    }
  }
  frame.pointers.set(key, pointer);
  return pointer;
}

/** What to call an atom in a pointer's name. */
function label(atom: KExpr): readonly string[] {
  if (atom.k === "var" || atom.k === "uniform") return [atom.name];
  if (atom.k === "groupEnd") return ["group_end"];
  if (atom.k === "group") return [`group_${"xyz"[atom.axis]}`];
  return [...new Set(namesIn(atom))];
}
