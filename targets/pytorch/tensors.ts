/** Prints how a module makes its tensors, the modules around them and its norms, and how they begin. */
import type { OpOf } from "../../compiler/ir/types.ts";
import { createNamer } from "../shared/names.ts";
import type { NormAt } from "./collecting.ts";

import { initialLines, lookedAt } from "./initialisers.ts";
import { attribute, type Paths, reserved } from "./names.ts";
import type { NormClass } from "./norm.ts";
import { extent, indent } from "./text.ts";

type LeafOp = OpOf<"leaf">;

export interface TensorOptions {
  readonly isCell: boolean;
  readonly paths: Paths;
  /** By site. */
  readonly norms: ReadonlyMap<string, NormAt>;
  readonly params: readonly LeafOp[];
  /** Also those that only initial values look at. */
  readonly declared: readonly LeafOp[];
  /** A dimension's name in the module. */
  readonly dim: (name: string) => string;
}

export class Tensors {
  private readonly o: TensorOptions;

  constructor(options: TensorOptions) {
    this.o = options;
  }

  /** Makes parameters, constants and norms, and the modules around them. */
  constructorLines(normClasses: ReadonlyMap<string, { readonly name: string }>): readonly string[] {
    const lines: string[] = [];
    const made = new Set<string>();
    const isNumber = (part: string): boolean => /^\d+$/.test(part);
    const construction = (site: string): string => {
      const { made: norm } = this.o.norms.get(site)!;
      const args = [
        ...norm.dims.map(this.o.dim),
        ...(norm.hasStatistics ? [...(norm.isShared ? [] : [this.stepsOf(norm)]), "momentum"] : []),
      ];
      return `${normClasses.get(site)!.name}(${args.join(", ")})`;
    };
    const siteAt = new Map([...this.o.norms].map(([site, { path }]) => [path.join("."), site]));
    const everyPath = [...this.o.paths.values(), ...[...this.o.norms.values()].map(({ path }) => [...path, ""])];
    const inside = (path: readonly string[]): void => {
      for (let i = 1; i < path.length; i++) {
        const part = path.slice(0, i);
        const key = part.join(".");
        if (made.has(key) || siteAt.has(key)) continue;
        made.add(key);
        if (!isNumber(path[i])) {
          lines.push(`${attribute(part)} = nn.Module()`);
          continue;
        }
        // The rounds of a function: norms, and modules with the parameters of what is no class of its own.
        const rounds = everyPath.flatMap((p) => (p.slice(0, i).join(".") === key ? [Number(p[i])] : []));
        const items = Array.from({ length: Math.max(...rounds) + 1 }, (_, k) => {
          const site = siteAt.get(`${key}.${k}`);
          made.add(`${key}.${k}`);
          return site === undefined ? "nn.Module()" : construction(site);
        });
        lines.push(`${attribute(part)} = nn.ModuleList([${items.join(", ")}])`);
      }
    };
    const normPaths = new Set([...this.o.norms.values()].map(({ path }) => path.join(".")));
    for (const { attrs } of this.o.params) {
      const { leaf, type } = attrs;
      if (leaf.kind !== "param") continue;
      const path = this.o.paths.get(leaf.name)!;
      if (normPaths.has(path.slice(0, -1).join("."))) continue;
      inside(path);
      const shape = type.shape.map((d) => extent(d, this.o.dim).text).join(", ") || "[]";
      const owner = attribute(path.slice(0, -1));
      const last = path.at(-1)!;
      lines.push(
        leaf.constant
          ? `${owner}.register_buffer("${last}", torch.empty(${shape}))`
          : `${owner}.${last} = nn.Parameter(torch.empty(${shape}))`,
      );
    }
    for (const [site, { path }] of this.o.norms) {
      inside(path);
      if (!made.has(path.join("."))) lines.push(`${attribute(path)} = ${construction(site)}`);
    }
    return lines;
  }

  /** For how many steps a norm keeps statistics. */
  private stepsOf({ rows }: NormClass): string {
    return rows === undefined ? "steps" : extent(rows, this.o.dim).text;
  }

  /** What gives them their initial values. */
  resetLines(): readonly string[] {
    const normPaths = new Set([...this.o.norms.values()].map(({ path }) => path.join(".")));
    const own = this.o.params.filter(
      ({ attrs }) => !normPaths.has(this.o.paths.get(attrs.leaf.name)!.slice(0, -1).join(".")),
    );
    const locals = createNamer(reserved);
    const at = (name: string): string => {
      const path = this.o.paths.get(name);
      return path === undefined ? locals.of(name) : attribute(path);
    };
    const lines = (op: LeafOp): readonly string[] => {
      const { leaf, type } = op.attrs;
      if (leaf.kind !== "param") return [];
      const filled = initialLines(leaf.init, at(leaf.name), type, { names: locals, at });
      if (this.o.paths.has(leaf.name)) return filled;
      // Only the initial values of others look at it.
      const shape = type.shape.map((d) => extent(d, (n) => `self.${this.o.dim(n)}`).text).join(", ") || "[]";
      return [`${at(leaf.name)} = torch.empty(${shape})`, ...filled];
    };
    const later = (op: LeafOp): boolean => op.attrs.leaf.kind === "param" && lookedAt(op.attrs.leaf.init).length > 0;
    const ofNorms = [...this.o.norms.values()].flatMap(({ made }) => made.later);
    const all = [...this.onlyLookedAt([...own, ...ofNorms]), ...own];
    return [
      "@torch.no_grad()",
      "def reset_parameters(self) -> None:",
      ...indent([
        `"""Parameters as the ${this.o.isCell ? "cell" : "model"} begins with; and no statistics."""`,
        ...all.filter((op) => !later(op)).flatMap(lines),
        ...inOrder(all.filter(later)).flatMap(lines),
        ...[...this.o.norms.values()].map(({ path }) => `${attribute(path)}.reset_parameters()`),
        ...ofNorms.flatMap(lines),
      ]),
    ];
  }

  /** Parameters that are no part of the module, but that the initial values of these are made of. */
  private onlyLookedAt(of: readonly LeafOp[]): readonly LeafOp[] {
    const found = new Map<string, LeafOp>();
    const visit = ({ attrs: { leaf } }: LeafOp): void => {
      if (leaf.kind !== "param") return;
      for (const name of lookedAt(leaf.init)) {
        const op = this.o.declared.find(({ attrs }) => attrs.leaf.name === name);
        if (op === undefined || this.o.paths.has(name) || found.has(name)) continue;
        visit(op);
        found.set(name, op);
      }
    };
    of.forEach(visit);
    return [...found.values()];
  }
}

/** Each after those that its initial value looks at. */
function inOrder(ops: readonly LeafOp[]): readonly LeafOp[] {
  const byName = new Map(ops.map((op) => [op.attrs.leaf.name, op]));
  const ordered = new Set<LeafOp>();
  const visit = (op: LeafOp): void => {
    const { leaf } = op.attrs;
    if (ordered.has(op) || leaf.kind !== "param") return;
    for (const name of lookedAt(leaf.init)) {
      const other = byName.get(name);
      if (other) visit(other);
    }
    ordered.add(op);
  };
  ops.forEach(visit);
  return [...ordered];
}
