/** What a kernel of texels samples, and what it renders to. */
import { sameExpr } from "./equality.ts";
import type { BoundRegion, KExpr, Kernel, KStmt } from "./types.ts";
import { KernelError } from "./verify.ts";
import { eachExpr } from "./walk.ts";

/** How a kernel samples a buffer: one frame of an alternating one under a name of its own, or everything under one name. */
export interface Sampler {
  /** `h_texture`: an identifier that is no word of any language, and differs from the names of buffers. */
  readonly name: string;
  readonly region: BoundRegion;
  /** Of an alternating buffer: the only frame that is read under this name. */
  readonly frame?: KExpr;
}

/** A store of a kernel, in the order of its outputs. */
export interface Output {
  readonly store: Extract<KStmt, { s: "store" }>;
  readonly below?: readonly [KExpr, KExpr];
}

/** What a kernel samples, in the order of its regions. */
export function samplersOf(kernel: Kernel): readonly Sampler[] {
  const frames = new Map<string, KExpr[]>();
  const loaded = new Set<string>();
  eachExpr(kernel.body, (e) => {
    if (e.k !== "load" || e.memory.kind !== "region") return;
    const { region } = e.memory;
    loaded.add(region);
    const known = frames.get(region) ?? [];
    frames.set(region, known);
    if (e.frame && !known.some((other) => sameExpr(other, e.frame!))) known.push(e.frame);
  });
  const stored = new Set(outputsOf(kernel).map(({ store }) => store.memory.kind === "region" && store.memory.region));
  return kernel.regions.flatMap((region): readonly Sampler[] => {
    const buffer = region.region;
    const name = `${buffer}_texture`;
    if (!loaded.has(buffer)) return [];
    if (!region.texture?.alternate) return [{ name, region }];
    const read = frames.get(buffer)!;
    // Where many steps are rendered at once, the host does not know which.
    if (read.every(isIndex) && !sweeps(kernel))
      return read.map((frame, i) => ({ name: i === 0 ? name : `${name}_${i + 1}`, region, frame }));
    if (stored.has(buffer)) throw new KernelError(kernel, `it loads any frame of \`${buffer}\`, to which it stores`);
    return [{ name, region }];
  });
}

/** Whether a kernel renders many steps at once: all of its outputs have their frames below each other, at the same places. */
export function sweeps(kernel: Kernel): boolean {
  const outputs = outputsOf(kernel);
  const stacked = new Set(kernel.regions.flatMap(({ region, texture }) => (texture?.stacked ? [region] : [])));
  const [first] = outputs;
  return (
    kernel.grid[1].perStep > 0 &&
    outputs.every(
      ({ store: { memory, frame }, below }) =>
        memory.kind === "region" &&
        stacked.has(memory.region) &&
        below === undefined &&
        frame !== undefined &&
        sameExpr(frame, first.store.frame!),
    )
  );
}

/** The stores of a kernel. Each texel stores once to each of them. */
export function outputsOf(kernel: Kernel): readonly Output[] {
  const found: Output[] = [];
  const visit = (body: readonly KStmt[], below: Output["below"]): void => {
    for (const s of body) {
      if (s.s === "store") found.push({ store: s, ...(below && { below }) });
      if (s.s === "for") visit(s.body, below);
      if (s.s !== "if") continue;
      const { condition } = s;
      const isBound =
        condition.k === "compare" && condition.op === "lt" && isIndex(condition.a) && isIndex(condition.b);
      visit(s.then, isBound ? [condition.a, condition.b] : undefined);
      visit(s.else, undefined);
      if (!isBound && hasStore(s))
        throw new KernelError(kernel, "a store under a condition that the host cannot check");
    }
  };
  visit(kernel.body, undefined);
  return found;
}

const hasStore = (s: KStmt): boolean =>
  s.s === "store" ||
  (s.s === "for" && s.body.some(hasStore)) ||
  (s.s === "if" && [...s.then, ...s.else].some(hasStore));

/** Whether the host knows the value of an integer when it starts the kernel. */
function isIndex(e: KExpr): boolean {
  switch (e.k) {
    case "int":
    case "uniform":
      return true;
    case "group":
      return e.axis === 1;
    case "int2":
      return isIndex(e.a) && isIndex(e.b);
    default:
      return false;
  }
}
