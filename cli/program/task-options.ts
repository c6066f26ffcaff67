/** Options of commands that run a model on the examples of a task. */
import { type Command, Option } from "commander";
import { type Double, withDataOptions } from "../data-command.ts";
import * as read from "../options.ts";
import { withModelOptions, withSchedule } from "./model-options.ts";
import { anywhere } from "./target-options.ts";

/** The options of a model that runs on examples. `split` is what the command means by that option, if it reads one part. */
export const withModelOnData = (command: Command, split?: Double): Command =>
  withSchedule(withDataOptions(withModelOptions(command), { split, target: anywhere }));

/** The task; `usual` says which it is if none is given. */
export const task = (usual = "") =>
  new Option("--task <name>", `a built-in task, see cellc data; a task file; or a module${usual}`);

/** How noise is drawn in evaluations. */
export const noise = () =>
  new Option("--noise <how>", "noise during evaluation: its mean, or drawn as in training")
    .choices(["mean", "drawn"])
    .default("mean");

/** How much data the exact pass for statistics reads. */
export const estimate = () =>
  new Option("--estimate <n>", "training examples the exact pass reads")
    .argParser(read.positiveWholeNumber)
    .default(10_000);

/** The option that accepts a checkpoint of a model whose equations were changed on purpose. */
export const allowOtherEquations = () =>
  new Option(
    "--allow-other-equations",
    "accept a checkpoint whose parameters fit but whose equations, norm arguments, loss or optimiser options differ",
  );
