/** Which steps the examples of a batch have, as tensors that a method computes when it first needs them. */
import { InternalError } from "../../compiler/diagnostics/internal-error.ts";
import { atom, type Text } from "../../compiler/kernel-ir/c-text.ts";
import type { Mark } from "../../runtime/plan.ts";
import { identifier, type Namer } from "../shared/names.ts";
import { helper } from "./helpers.ts";

/** What says which steps the examples have along a time axis; the main one is "". */
export const hasName = (axis: string): string => (axis === "" ? "has" : `has_${identifier(axis)}`);

export interface MarkOptions {
  readonly names: Namer;
  /** Those that inputs have. */
  readonly timeAxes: readonly string[];
  readonly distributed: boolean;
  /** A tensor that has the dtype and the device of what is computed. */
  readonly like: string;
  /** Adds a line to the outermost block. */
  add(line: string): void;
}

export class Marks {
  private readonly o: MarkOptions;
  private readonly known = new Map<string, string>();

  constructor(options: MarkOptions) {
    this.o = options;
  }

  /** A mark as a tensor of the outermost block: see `Mark`. */
  of(mark: Mark, axis: string): Text {
    const key = `${mark}/${axis}`;
    const known = this.known.get(key);
    if (known !== undefined) return atom(known);
    const name = this.o.names.fresh(axis === "" ? mark : `${mark}_${axis}`);
    this.known.set(key, name);
    this.o.add(`${name} = ${this.text(mark, axis)}`);
    return atom(name);
  }

  private text(mark: Mark, axis: string): string {
    const { like, distributed, timeAxes } = this.o;
    const valid = (): string => this.of("valid", axis).text;
    switch (mark) {
      case "valid":
        return `${helper("all_steps")}(${hasName(axis)}, T, B, ${like})`;
      case "first":
        return `${helper("first_steps")}(${valid()})`;
      case "last":
        return `${helper("last_steps")}(${valid()})`;
      case "examples":
        return distributed ? `self.across(${valid()}.sum(1, keepdim=True))` : `${valid()}.sum(1, keepdim=True)`;
      case "some":
        return distributed ? `${this.of("examples", axis).text} > 0` : `${valid()}.any(1, keepdim=True)`;
      case "span":
        return `${valid()}.sum(0)`;
      case "present": {
        const all = timeAxes.map((a) => `${this.of("valid", a).text}.any(0)`);
        return all.length === 0 ? `torch.ones(B, dtype=torch.bool, device=${like}.device)` : all.join(" | ");
      }
      default:
        throw new InternalError(`the mark ${mark} is not written in PyTorch`);
    }
  }
}
