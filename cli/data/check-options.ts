/** Options about a data set that do not go together. */
import { exit, Failure } from "../failure.ts";
import { checkCarry } from "./carry.ts";
import type { DataOptions } from "./data-options.ts";

interface Rule {
  readonly broken: (options: DataOptions) => boolean;
  readonly why: string;
  readonly help: string;
}

const rules: readonly Rule[] = [
  {
    broken: ({ horizon, window }) => horizon !== undefined && window === undefined,
    why: "--horizon is counted from the end of a window",
    help: "say how long it is: --window 96",
  },
  {
    broken: ({ change, horizon }) => change === true && horizon === undefined,
    why: "--change is from the end of a window to the steps after it",
    help: "say how many: --horizon 24",
  },
  {
    broken: ({ horizon, per }) => horizon !== undefined && per !== undefined,
    why: "--per is about the steps of the window, and --horizon about those after it",
    help: "give one of them",
  },
  {
    broken: ({ stride, window }) => stride !== undefined && window === undefined,
    why: "--stride is from window to window",
    help: "say how long they are: --window 96",
  },
  {
    broken: ({ carry, window }) => carry === true && window === undefined,
    why: "--carry lets states go on from window to window",
    help: "say how many steps gradients go back: --window 100",
  },
  {
    broken: ({ carry, horizon }) => carry === true && horizon !== undefined,
    why: "--horizon has one target behind each window, and with --carry each window goes on in the next",
    help: "leave --horizon out, and predict at each step: --per step; or leave --carry out",
  },
  {
    broken: ({ carry, stride }) => carry === true && stride !== undefined,
    why: "--stride says where windows begin, and with --carry each begins where the one before ended",
    help: "leave --stride out",
  },
  {
    broken: ({ carry, randomOffset }) => carry === true && randomOffset === true,
    why: "--random-offset moves each window by itself, and with --carry each begins where the one before ended",
    help: "leave one of them out",
  },
  {
    broken: ({ randomOffset, stride }) => randomOffset === true && stride === undefined,
    why: "--random-offset moves windows by less than a stride, and without --stride there is one at each step already",
    help: "say how far apart they are: --stride 100",
  },
  {
    broken: ({ carry, per }) => carry === true && per === "sequence",
    why: "--per sequence has one target for each window, and with --carry each window goes on in the next",
    help: "take a target at each step: --per step; or leave --carry out",
  },
];

/** Throws C0301. */
export function checkOptions(options: DataOptions): void {
  checkCarry(options);
  const rule = rules.find(({ broken }) => broken(options));
  if (rule !== undefined) throw new Failure("C0301", exit.usage, rule.why, rule.help);
}
