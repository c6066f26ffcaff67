import {
  type IntOp,
  type KExpr,
  type Kernel,
  type KStmt,
  type Memory as Place,
  widthOf,
} from "../../compiler/kernel-ir/types.ts";
import type { MathOp } from "../../targets/spellings.ts";
import { roundToF16 } from "./f16.ts";
import { meaning } from "./meaning.ts";
import { gridOf, type Memory, type Times } from "./run.ts";

type Value = number | boolean | readonly number[];

const ints: Readonly<Record<IntOp, (a: number, b: number) => number>> = {
  add: (a, b) => (a + b) | 0,
  sub: (a, b) => (a - b) | 0,
  mul: Math.imul,
  div: (a, b) => Math.trunc(a / b) | 0,
  rem: (a, b) => (a % b) | 0,
  min: Math.min,
  max: Math.max,
};
const compares = {
  lt: (a: number, b: number) => a < b,
  le: (a: number, b: number) => a <= b,
  gt: (a: number, b: number) => a > b,
  ge: (a: number, b: number) => a >= b,
  eq: (a: number, b: number) => a === b,
  ne: (a: number, b: number) => a !== b,
};

type Joining = Extract<KStmt, { s: "let" }> & { readonly value: Extract<KExpr, { k: "joint" }> };
const joins = (s: KStmt): s is Joining => s.s === "let" && s.value.k === "joint";

/**
 * Runs a kernel as Kernel IR defines it, one workgroup and one lane after another, floats in f64 but rounded to f32 when
 * stored, and to f16 in `half`. Where lanes join in subgroups they run in step. Throws on an index outside memory.
 */
export function interpret(kernel: Kernel, before: Memory, { t, T, steps = T }: Times, subgroupSize = 4): Memory {
  const regions = Object.fromEntries(Object.entries(before).map(([name, data]) => [name, data.slice()]));
  const [gx, gy, gz] = gridOf(kernel, steps);
  /** Of textures: floats of a frame, in whole texels. */
  const frameSizes = new Map(
    kernel.regions.flatMap(({ region, texture }) => (texture ? [[region, 4 * Math.ceil(texture.size / 4)]] : [])),
  );
  for (let z = 0; z < gz; z++) for (let y = 0; y < gy; y++) for (let x = 0; x < gx; x++) workgroup([x, y, z]);
  return regions;

  function workgroup(group: readonly number[]): void {
    const tiles = Object.fromEntries(kernel.tiles.map(({ name, size }) => [name, new Float32Array(size)]));
    const memory = (
      { memory: place, frame }: { readonly memory: Place; readonly frame?: KExpr },
      index: number,
      width: number,
    ): Float32Array => {
      const all = place.kind === "region" ? regions[place.region] : tiles[place.name];
      const size = place.kind === "region" ? frameSizes.get(place.region) : undefined;
      const data = frame && size ? all.subarray(number(frame) * size, (number(frame) + 1) * size) : all;
      if (!(index >= 0 && index + width <= data.length)) throw new RangeError(`index ${index} of ${data.length}`);
      // Textures are read and written four floats at a time.
      if (size !== undefined && width === 4 && index % 4 !== 0) throw new RangeError(`a texel at ${index}`);
      return data;
    };
    let names = new Map<string, Value>();
    /** Each lane's own, where it was assigned. */
    const registers = new Map<string, { readonly start: Value; readonly own: Value[] }>();
    let lane = 0;
    const number = (e: KExpr): number => evaluate(e) as number;

    function evaluate(e: KExpr): Value {
      switch (e.k) {
        case "float":
        case "int":
          return e.value;
        case "var":
          return read(e.name);
        case "uniform":
          return e.name === "t" ? t : T;
        case "subgroupSize":
          return subgroupSize;
        case "joint":
          throw new Error("a subgroup's value outside of a `let`");
        case "group":
          return group[e.axis];
        case "groupEnd":
          return group[e.axis] + 1;
        case "int2":
          return ints[e.op](number(e.a), number(e.b));
        case "compare":
          return compares[e.op](number(e.a), number(e.b));
        case "and":
          return (evaluate(e.a) as boolean) && (evaluate(e.b) as boolean);
        case "math":
        case "fma": {
          const op = e.k === "math" ? meaning[e.op as MathOp] : (a: number, b: number, c: number) => a * b + c;
          const args = (e.k === "math" ? e.args : [e.a, e.b, e.c]).map(evaluate);
          if (e.type === "f32") return op(...(args as [number, number, number]));
          return [0, 1, 2, 3].map((lane) =>
            op(...(args.map((a) => (a as number[])[lane]) as [number, number, number])),
          );
        }
        case "splat":
          return Array(4).fill(number(e.a));
        case "vec4":
          return e.lanes.map(number);
        case "across": {
          const lanes = evaluate(e.a) as readonly number[];
          return e.op === "add" ? lanes.reduce((a, b) => a + b) : Math.max(...lanes);
        }
        case "extract":
          return (evaluate(e.a) as readonly number[])[e.lane];
        case "load": {
          const index = number(e.index);
          const data = memory(e, index, e.type === "f32" ? 1 : 4);
          return e.type === "f32" ? data[index] : Array.from(data.subarray(index, index + 4));
        }
        case "toFloat":
          return number(e.a);
        case "toInt":
          return Math.trunc(number(e.a));
        default:
          return e satisfies never;
      }
    }

    function read(name: string): Value {
      const register = registers.get(name);
      return register ? (register.own[lane] ?? register.start) : (names.get(name) as Value);
    }

    function run(body: readonly KStmt[]): void {
      for (const s of body) {
        switch (s.s) {
          case "register":
            registers.set(s.name, { start: evaluate(s.value), own: [] });
            break;
          case "let":
          case "var":
          case "assign": {
            const value = evaluate(s.value);
            const register = registers.get(s.name);
            if (register) register.own[lane] = value;
            else names.set(s.name, value);
            break;
          }
          case "store": {
            const index = number(s.index);
            const value = evaluate(s.value);
            const values = typeof value === "number" ? [value] : (value as number[]);
            const isHalf = s.memory.kind === "region" && widthOf(s.memory.region) === 2;
            memory(s, index, s.type === "f32" ? 1 : 4).set(isHalf ? values.map(roundToF16) : values, index);
            break;
          }
          case "for": {
            const to = number(s.to);
            if (s.kind === "lanes" && s.body.some(joins)) {
              inStep(s.name, number(s.from), to, s.body);
              break;
            }
            for (let i = number(s.from); i < to; i += s.step) {
              names.set(s.name, i);
              if (s.kind === "lanes") lane = i;
              run(s.body);
            }
            break;
          }
          case "if":
            run(evaluate(s.condition) ? s.then : s.else);
            break;
          case "barrier":
          case "comment":
            break;
          default:
            s satisfies never;
        }
      }
    }

    /** All lanes of a loop by steps of 1, a statement at a time. */
    function inStep(name: string, from: number, to: number, body: readonly KStmt[]): void {
      const outer = names;
      const lanes = Array.from({ length: to - from }, (_, i) => new Map([...outer, [name, from + i]]));
      const each = <R>(act: () => R): readonly R[] =>
        lanes.map((own, i) => {
          [names, lane] = [own, from + i];
          return act();
        });
      for (const s of body) {
        if (!joins(s)) each(() => run([s]));
        else {
          const { op, a } = s.value;
          const values = each(() => number(a));
          lanes.forEach((own, i) => {
            const first = i - (i % subgroupSize);
            const group = values.slice(first, first + subgroupSize);
            own.set(s.name, op === "max" ? Math.max(...group) : group.reduce((x, y) => x + y));
          });
        }
      }
      names = outer;
    }

    run(kernel.body);
  }
}
