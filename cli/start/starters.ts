/** The models to start with: a row each, which says what of a task it fits. They are in `examples/start`. */
import { join } from "node:path";
import type { TaskForm, TaskInput } from "../data/task.ts";
import { axesOf } from "../data/time-axes.ts";
import { exit, Failure } from "../failure.ts";
import { packageRoot } from "../package.ts";

export type StarterName =
  | "forecast"
  | "forecast_many"
  | "classify"
  | "classify_symbols"
  | "tag"
  | "tag_symbols"
  | "estimate"
  | "estimate_steps"
  | "language";

interface Starter {
  /** Its input: `x`, numbers, or `w`, symbols. */
  readonly input: "x" | "w";
  /** Its target `y`: classes, or numbers with so many axes; over the steps, or of the sequence or window. */
  readonly target: "index" | 1 | 2;
  readonly time: boolean;
  /** The dimensions that the data decides. */
  readonly dims: readonly string[];
}

export const starters: Readonly<Record<StarterName, Starter>> = {
  forecast: { input: "x", target: 1, time: false, dims: ["D", "N"] },
  forecast_many: { input: "x", target: 2, time: false, dims: ["D", "N", "K"] },
  classify: { input: "x", target: "index", time: false, dims: ["D", "K"] },
  classify_symbols: { input: "w", target: "index", time: false, dims: ["V", "K"] },
  tag: { input: "x", target: "index", time: true, dims: ["D", "K"] },
  tag_symbols: { input: "w", target: "index", time: true, dims: ["V", "K"] },
  estimate: { input: "x", target: 1, time: false, dims: ["D", "K"] },
  estimate_steps: { input: "x", target: 1, time: true, dims: ["D", "K"] },
  language: { input: "w", target: "index", time: true, dims: ["V"] },
};

export const starterFile = (name: StarterName): string => join(packageRoot, "examples", "start", `${name}.cell`);

/** The model for a task. Throws C0406 for one that none fits. */
export function starterFor({ name, inputs, dims }: TaskForm, next: boolean): StarterName {
  const found = (Object.keys(starters) as StarterName[]).find((starter) => {
    const { input, target, time } = starters[starter];
    return (
      Object.hasOwn(inputs, input) &&
      Object.hasOwn(inputs, "y") &&
      axesOf({ inputs }).length <= 1 &&
      isTarget(inputs.y, target, time) &&
      (starter === "language") === next &&
      starters[starter].dims.includes("N") === ("N" in dims && inputs.y.kind === "value")
    );
  });
  if (found !== undefined) return found;
  throw new Failure(
    "C0406",
    exit.input,
    `no model to start with has the inputs and targets of ${name}: ${Object.keys(inputs).join(", ")}`,
    "docs/cookbook.md has models of many kinds; an input called x or w and a target called y are wanted here",
  );
}

function isTarget(given: TaskInput, target: Starter["target"], time: boolean): boolean {
  if (given.time !== time) return false;
  return given.kind === "index" ? target === "index" : given.shape.length === target;
}
