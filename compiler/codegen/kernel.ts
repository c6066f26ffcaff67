/** Generates one kernel: how the grid divides its space among workgroups, and the loops of every stage. */

import type { Extent } from "../../runtime/plan.ts";
import { type Allocation, columnsAreContiguous } from "../buffers/layout.ts";
import { strided } from "../buffers/strided.ts";
import { BATCH, type MatrixProduct, matrixProduct } from "../ir/contraction-axes.ts";
import * as dim from "../ir/dim.ts";
import { sameType } from "../ir/type.ts";
import type { Op, Type, Value } from "../ir/types.ts";
import * as x from "../kernel-ir/expr.ts";
import type { KExpr, Kernel, KStmt, Tile } from "../kernel-ir/types.ts";
import { usesOf } from "../kernel-ir/uses.ts";
import { blocksProducts, invocationsOf, joinsUnits, mostTileBytes, ownsResultsOnly } from "../machine.ts";
import { type Owner, partsOf } from "../partition/fusion.ts";
import { FEWEST_ROWS } from "../passes/prepack-weights.ts";
import type { ReductionSite } from "./accumulate.ts";
import { differInColumns, groupAlike, isReduction, runAlike, sameSpace } from "./alike.ts";
import { chunkLoop } from "./chunk-loop.ts";
import { type ElementSite, type Elements, elementLoop } from "./element-loop.ts";
import { Evaluation, type Scope } from "./elementwise.ts";
import { gridSplits } from "./grid-splits.ts";
import { chunksIn, computedBy, docOf, type KernelInput, type KernelLoop, kernelNames } from "./kernel-input.ts";
import { forEachPoint, type OwnedAxis } from "./loop-nest.ts";
import { type Bounds, commonDivisor } from "./loops.ts";
import { blockedProducts } from "./matmul/blocked.ts";
import type { ProductInMemory } from "./matmul/strided-product.ts";
import { jobOf, tileProduct } from "./matmul/tile-products.ts";
import { tileSide, worthTiling } from "./matmul/tile-shape.ts";
import { tiledPoints } from "./matmul/tiled.ts";
import type { TileSite } from "./matmul/tiling.ts";
import { Partials } from "./partials.ts";
import { origin, type Point } from "./point.ts";
import { argmax, reduce, scatter } from "./reductions.ts";
import { texelKernel } from "./texel-kernel.ts";
import type { GridSplit } from "./thread-blocks.ts";

/** The grid's axes for the first and the second split; time has the one between them. */
const GRID = [0, 2] as const;

const one: Extent = { fixed: 1, perStep: 0 };
const steps: Extent = { fixed: 0, perStep: 1 };

export function generateKernel(input: KernelInput): Kernel {
  const { machine } = input;
  if (ownsResultsOnly(machine)) return texelKernel(input);
  const kernel = new KernelGenerator(input, 0).make();
  const bytes = (tiles: readonly Tile[]): number => tiles.reduce((sum, { size }) => sum + 4 * size, 0);
  if (bytes(kernel.tiles) <= mostTileBytes(machine)) return kernel;
  // Products come first in workgroup memory: reductions then have room for fewer partial results, and more barriers.
  return new KernelGenerator(input, bytes(kernel.tiles.filter(({ vectors }) => vectors))).make();
}

class KernelGenerator {
  private readonly in: KernelInput;
  private readonly owner: Owner;
  private readonly names = kernelNames();
  private readonly inside: ReadonlySet<Value>;
  private readonly done = new Set<Value>();
  private readonly scope: Scope;
  private readonly step: KExpr | undefined;
  /** The step of values with `time`, if each workgroup has a single step. */
  private readonly t: KExpr | undefined;
  /** The steps of values with `time`, if a thread takes several at once. */
  private readonly several: OwnedAxis | undefined;
  private readonly splits: readonly GridSplit[];
  /** The part of the batch that the workgroup owns, where the batch is split. */
  private readonly part: KExpr | undefined;
  private readonly partials: Partials;
  private readonly tiles = new Map<string, Tile>();

  /** @param reserved bytes of workgroup memory that products need */
  constructor(input: KernelInput, reserved: number) {
    this.in = input;
    this.owner = input.kernel.owner;
    this.inside = new Set(computedBy(input).flatMap((op) => op.results));
    this.step = input.loop ? x.variable(this.name("t"), "i32") : input.kernel.inBody ? x.uniform("t") : undefined;
    const { space } = input.kernel;
    const perStep = space.time && this.owner !== "steps" && this.owner !== "whole";
    const several = perStep && takesSeveralSteps(input);
    this.t = perStep && !several ? x.variable(this.name("step"), "i32") : undefined;
    if (several) this.several = { axis: "t", ...this.blockOfSteps(), most: STEPS, multiple: 1 };
    this.partials = new Partials({ ...input.machine, tileBytes: input.machine.tileBytes - reserved }, () =>
      this.name("shares"),
    );
    this.scope = {
      defs: input.defs,
      layout: input.layout,
      dims: input.dims,
      step: this.step,
      allocation: (v) => (this.inside.has(v) && !this.done.has(v) ? undefined : input.allocations.get(v)?.[0]),
      name: (hint) => this.name(hint),
    };
    this.splits = this.share(space);
    if (this.owner !== "part") return;
    const at = this.splits.findIndex(({ axis }) => axis === "b");
    this.part = { k: "group", axis: GRID[at] };
    this.scope = { ...this.scope, part: this.part };
  }

  private name(hint: string): string {
    return this.names(hint);
  }

  private extent(d: dim.Dim): number {
    return dim.evaluate(d, this.in.dims);
  }

  private shape(t: Type): readonly number[] {
    return t.shape.map((d) => this.extent(d));
  }

  private share(space: Type): readonly GridSplit[] {
    const { kernel, machine, dims } = this.in;
    return gridSplits(
      {
        owner: this.owner,
        space,
        shape: this.shape(space),
        batch: dims.batch,
        byStep: this.byStep,
        allSteps: this.in.loop !== undefined,
        hasProduct: kernel.ops.some((op) => op.op === "dot"),
        parts: partsOf(kernel.ops),
        tileSide: (rows, columns) => this.tileSide(space, rows, columns),
      },
      machine,
    );
  }

  /** The side of the tiles in which `rows` × `columns` are best cut for the products in the kernel; undefined: no tiles. */
  private tileSide(space: Type, rows: number, columns: number | undefined): number | undefined {
    const { kernel, machine } = this.in;
    const axes = space.batch ? space.shape.length + 1 : space.shape.length;
    if (columns === undefined || axes < 2) return undefined;
    const isWorthTiling = (op: Op): boolean => {
      if (op.op !== "dot" || !sameType(op.results[0].type, space)) return false;
      const product = tileProduct(op, this.scope);
      return product !== undefined && worthTiling(rows, columns, jobOf(product), machine);
    };
    if (!kernel.ops.some(isWorthTiling)) return undefined;
    return tileSide(rows, columns, this.byStep);
  }

  /** Whether the grid divides the steps. */
  private get byStep(): boolean {
    return this.t !== undefined || this.several !== undefined;
  }

  private blockOfSteps(): Pick<OwnedAxis, "from" | "to"> {
    return { from: x.variable(this.name("first"), "i32"), to: x.variable(this.name("last"), "i32") };
  }

  make(): Kernel {
    const { kernel, machine, loop } = this.in;
    const body = loop?.elements ? this.overElements(loop.elements, loop.reverse) : this.overStages(kernel.stages, loop);
    const [first, second] = this.splits.map(
      ({ extent, block, count }): Extent => ({ fixed: count ?? Math.ceil(extent / block), perStep: 0 }),
    );
    return {
      name: kernel.name,
      doc: docOf(this.in),
      lanes: invocationsOf(machine),
      grid: [first ?? one, this.byStep ? steps : { fixed: chunksIn(this.in), perStep: 0 }, second ?? one],
      ...usesOf(body),
      tiles: [...this.tiles.values(), ...this.partials.tiles],
      body,
    };
  }

  /** The loops of all stages, at each step if the kernel contains a loop over them. */
  private overStages(stages: readonly (readonly Op[])[], loop: KernelLoop | undefined): readonly KStmt[] {
    const { allocations } = this.in;
    const body: KStmt[] = [];
    stages.forEach((ops, i) => {
      if (body.length > 0) this.partials.release();
      const statements = this.stage(ops);
      for (const op of ops) for (const r of op.results) if (allocations.has(r)) this.done.add(r);
      if (statements.length === 0) return;
      if (i > 0 && body.length > 0) body.push({ s: "barrier", only: "regions" });
      body.push(...statements);
    });
    const step = x.add(this.in.layout.first, { k: "group", axis: 1 });
    if (this.t?.k === "var") body.unshift({ s: "let", name: this.t.name, type: "i32", value: step });
    return loop ? this.overSteps([...body, { s: "barrier" }], loop.reverse) : this.inBlocksOfSteps(body);
  }

  private overElements(elements: Elements, reverse: boolean): readonly KStmt[] {
    const site = this.elementSite(reverse);
    const { chunks } = elements;
    return chunks === undefined ? elementLoop(site, elements) : chunkLoop(site, elements, chunks, this.in.kernel.role);
  }

  private elementSite(reverse: boolean): ElementSite {
    const { machine, kernel, allocations } = this.in;
    return {
      machine,
      scope: this.scope,
      allocations,
      axes: this.axes(kernel.space),
      start: this.start(kernel.space),
      overSteps: (body, bounds) => this.overSteps(body, reverse, bounds),
      store: (v, p, value, where) => this.store(v, p, value, where),
    };
  }

  /** Runs `body` for all steps of a thread, a block of them at a time. */
  private inBlocksOfSteps(body: readonly KStmt[]): readonly KStmt[] {
    if (this.several === undefined) return body;
    const [from, to] = [this.several.from, this.several.to].map((e) => (e as Extract<KExpr, { k: "var" }>).name);
    const begin = x.add(this.in.layout.first, { k: "group", axis: 1 });
    const end = x.add(this.in.layout.first, { k: "groupEnd", axis: 1 });
    const last = x.min(x.add(x.variable(from, "i32"), x.int(STEPS)), end);
    const inside: readonly KStmt[] = [{ s: "let", name: to, type: "i32", value: last }, ...body];
    return [{ s: "for", kind: "serial", name: from, from: begin, to: end, step: STEPS, body: inside }];
  }

  /** Runs `body` for every step, or for those from the loop's `from`th on, in its order. */
  private overSteps(
    body: readonly KStmt[],
    reverse: boolean,
    { from, to }: Bounds = { from: x.int(0), to: this.in.layout.steps },
  ): readonly KStmt[] {
    const T = this.in.layout.steps;
    const { name } = this.step as Extract<KExpr, { k: "var" }>;
    const count = reverse ? this.name("s") : name;
    const last = x.sub(T, x.int(1));
    const step: readonly KStmt[] = reverse
      ? [{ s: "let", name, type: "i32", value: x.sub(last, x.variable(count, "i32")) }]
      : [];
    return [{ s: "for", kind: "serial", name: count, from, to, step: 1, body: [...step, ...body] }];
  }

  /** The axes of a space, with the part of each that this workgroup owns. */
  private axes(t: Type): readonly OwnedAxis[] {
    const axes: OwnedAxis[] = [];
    if (t.time && this.several !== undefined) axes.push(this.several);
    else if (t.time && this.t === undefined)
      axes.push({ axis: "t", from: x.int(0), to: this.in.layout.steps, most: undefined, multiple: 1 });
    if (t.batch) axes.push(this.owned("b", this.in.dims.batch));
    // Values with an element for each part of the batch are owned at one part: `start` is there.
    const first = this.part && !t.batch ? 1 : 0;
    this.shape(t).forEach((n, i) => {
      if (i >= first) axes.push({ ...this.owned(i - first, n), axis: i });
    });
    return axes;
  }

  /** The point at which loops over the axes of a space begin. */
  private start(t: Type): Point {
    const p = origin(this.t, t.shape.length);
    return this.part && !t.batch ? { ...p, f: [this.part, ...p.f.slice(1)] } : p;
  }

  /** Whether a thread runs its consecutive workgroups as one, so that what they share is read once. */
  private get spans(): boolean {
    return joinsUnits(this.in.machine) && this.splits.length === 1 && !this.byStep && this.owner !== "part";
  }

  private owned(axis: "b" | number, extent: number): OwnedAxis {
    const isShared = (s: GridSplit): boolean => s.block < extent || (s.count ?? 1) > 1;
    const at = this.splits.findIndex((s) => s.axis === axis && s.extent === extent && isShared(s));
    if (at < 0) return { axis, from: x.int(0), to: x.int(extent), most: extent, multiple: extent };
    const split = this.splits[at];
    const from = x.mul({ k: "group", axis: GRID[at] }, x.int(split.block));
    // The last workgroup owns what is left.
    const left = extent % split.block;
    if (this.spans) {
      const to = x.mul({ k: "groupEnd", axis: GRID[0] }, x.int(split.block));
      const multiple = commonDivisor(split.block, left);
      return { axis, from, to: left === 0 ? to : x.min(to, x.int(extent)), most: extent, multiple };
    }
    const end = x.add(from, x.int(split.block));
    const isFull = left === 0 && (split.count ?? 0) * split.block <= extent;
    if (isFull) return { axis, from, to: end, most: split.block, multiple: split.block };
    return {
      axis,
      from,
      to: x.min(end, x.int(extent)),
      end: x.int(extent),
      most: split.block,
      multiple: commonDivisor(split.block, left),
    };
  }

  /** The loops of one stage: products in blocks, positions of maxima and tables, reductions, and then points. */
  private stage(ops: readonly Op[]): readonly KStmt[] {
    const { machine, allocations } = this.in;
    const statements: KStmt[] = [];
    const blocked = new Set<Value>();
    const products = blocksProducts(machine) ? productsIn(ops) : [];
    for (const alike of groupAlike(products, differInColumns)) {
      const loops = this.blocked(alike);
      if (loops === undefined) continue;
      statements.push(...loops);
      for (const { result } of alike) blocked.add(result.value);
    }
    const points: Value[] = [];
    for (const op of ops) {
      const [y] = op.results;
      if (blocked.has(y) || isReduction(op) || !allocations.has(y)) continue;
      if (op.op === "argmax") statements.push(...argmax(this.reductionSite(), op));
      else if (op.op === "scatter") statements.push(...scatter(this.reductionSite(), op));
      else points.push(y);
    }
    for (const alike of groupAlike(ops.filter(isReduction), runAlike))
      statements.push(...reduce(this.reductionSite(), alike));
    for (const values of groupAlike(points, (a, b) => sameSpace(a.type, b.type)))
      statements.push(...this.points(values[0].type, values));
    return statements;
  }

  /** Computes and stores elementwise values. */
  private points(type: Type, values: readonly Value[]): readonly KStmt[] {
    const tiled = tiledPoints(this.tileSite(), type, values);
    if (tiled) return tiled;
    const vectorize = type.shape.length > 0;
    return forEachPoint(this.in.machine, this.scope.name, this.axes(type), this.start(type), vectorize, (p) => {
      const evaluation = new Evaluation(this.scope);
      // Read everything before writing anything: a value may be stored where its operand was.
      const computed = values.map((v) => evaluation.at(v, p));
      values.forEach((v, i) => {
        evaluation.statements.push(...this.store(v, p, computed[i]));
      });
      return evaluation.statements;
    });
  }

  /** Stores `value` in every place of `v`, or those that `where` holds for. */
  private store(
    v: Value,
    p: Point,
    value: KExpr,
    where: (place: Allocation) => boolean = () => true,
  ): readonly KStmt[] {
    const { layout, allocations } = this.in;
    const t = v.type.time ? p.t : this.step;
    return allocations
      .get(v)!
      .filter(where)
      .flatMap((allocation): KStmt[] => {
        const f = p.f.slice(p.f.length - v.type.shape.length);
        const place = layout.placeOf(allocation, t, v.type.batch ? p.b : undefined, f, p.width);
        const lanes = p.width === 4 && !columnsAreContiguous(allocation) ? ([0, 1, 2, 3] as const) : [];
        const stores: KStmt[] =
          lanes.length === 0
            ? [{ s: "store", ...place, type: p.width === 4 ? "f32x4" : "f32", value }]
            : lanes.map((lane) => ({
                s: "store",
                ...place,
                index: x.add(place.index, x.int(lane * allocation.strides[allocation.strides.length - 1])),
                type: "f32",
                value: { k: "extract", a: value, lane },
              }));
        // A statistic keeps only its first rows.
        if (!allocation.steps || t === undefined) return stores;
        return [
          {
            s: "if",
            condition: x.compare("lt", layout.global(t), x.int(allocation.steps.count)),
            then: stores,
            else: [],
          },
        ];
      });
  }

  private tileSite(): TileSite {
    return {
      machine: this.in.machine,
      scope: this.scope,
      start: (t) => this.start(t),
      axes: (t) => this.axes(t),
      store: (v, p, value) => this.store(v, p, value),
      tile: (side, size) => this.productTile({ name: `${side}_tile`, size, vectors: true }),
    };
  }

  /** Workgroup memory that products use one after another: as large as the largest of them needs. */
  private productTile(wanted: Tile): Tile {
    const known = this.tiles.get(wanted.name);
    const name = known?.name ?? this.name(wanted.name);
    const tile: Tile = { ...wanted, name, size: Math.max(wanted.size, known?.size ?? 0) };
    this.tiles.set(wanted.name, tile);
    return tile;
  }

  private reductionSite(): ReductionSite {
    return {
      machine: this.in.machine,
      scope: this.scope,
      step: this.t,
      part: this.part,
      axes: (t) => this.axes(t),
      store: (v, p, value) => this.store(v, p, value),
      partials: this.partials,
    };
  }

  /** One loop nest for products that differ only in the operand with the columns. */
  private blocked(alike: readonly MatrixProduct[]): readonly KStmt[] | undefined {
    const { defs, dims, allocations, layout, machine } = this.in;
    const inMemory = (v: Value) => strided(v, this.scope.allocation, defs, (d) => this.extent(d))?.allocation;
    const products: ProductInMemory[] = [];
    for (const product of alike) {
      const [left, right] = [inMemory(product.left.value), inMemory(product.right.value)];
      const { value, type } = product.result;
      const targets = allocations.get(value)!;
      if (!left || !right || (type.time && !this.byStep)) return undefined;
      if (targets.some(({ strides }) => strides.length > 0 && strides[strides.length - 1] !== 1)) return undefined;
      products.push({ product, left, right, targets });
    }
    const [{ result }] = alike;
    const shape = this.shape(result.type);
    return blockedProducts({
      products,
      layout,
      t: this.t,
      steps: result.type.time ? this.several : undefined,
      step: this.step,
      dims,
      tileBytes: machine.tileBytes,
      name: (hint) => this.name(hint),
      tile: (side, size) => this.productTile({ name: `${side}_panel`, size }).name,
      range: (axis) => {
        if (axis === BATCH) return this.owned("b", dims.batch);
        const i = result.labels.indexOf(axis);
        return this.owned(i, shape[i]);
      },
    });
  }
}

/** Steps of a block: rows of a product with few examples. */
const STEPS = 32;

/**
 * Whether a thread takes several steps at once: for products of few examples, whose weight would be read again at every step. The
 * examples must not be divided.
 */
function takesSeveralSteps({ kernel, machine, dims }: KernelInput): boolean {
  if (!joinsUnits(machine) || kernel.owner !== "element" || kernel.inBody || dims.batch >= FEWEST_ROWS) return false;
  const products = productsIn(kernel.ops);
  const isOfSteps = ({ result, left, right }: MatrixProduct): boolean =>
    result.type.time && left.type.time && !right.type.time;
  return (
    products.length > 0 && products.every(isOfSteps) && kernel.ops.every((op) => op.op !== "dot" || matrixProduct(op))
  );
}

const productsIn = (ops: readonly Op[]): readonly MatrixProduct[] =>
  ops.flatMap((op) => (op.op === "dot" ? (matrixProduct(op) ?? []) : []));
