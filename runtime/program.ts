import type { Command, Extent } from "./plan.ts";

type Grid = readonly [Extent, Extent, Extent];

/** An entry's commands with every kernel resolved, so that the loop over time looks nothing up. */
export type Program<K> = readonly Instruction<K>[];

export type Instruction<K> =
  | { readonly do: "dispatch"; readonly kernel: K; readonly grid: Grid }
  | { readonly do: "steps"; readonly reverse: boolean; readonly program: Program<K> }
  | { readonly do: "segments"; readonly length: number; readonly reverse: boolean; readonly program: Program<K> };

/** Replaces kernel names by what a backend starts; `lookup` throws for a name it does not know. */
export function resolve<K>(commands: readonly Command[], lookup: (kernel: string) => K): Program<K> {
  return commands.map((command) => {
    switch (command.do) {
      case "dispatch":
        return { do: "dispatch", kernel: lookup(command.kernel), grid: command.grid };
      case "steps":
      case "segments": {
        const { commands: inner, ...rest } = command;
        return { ...rest, program: resolve(inner, lookup) };
      }
      default:
        return command satisfies never;
    }
  });
}

/** Starts a kernel at time step `t` on a grid of workgroups. */
export type Dispatch<K> = (kernel: K, t: number, gx: number, gy: number, gz: number) => void;

/** Executes a program for sequences of `steps` steps. Outside of loops over time, t is `first`. */
export function execute<K>(program: Program<K>, steps: number, dispatch: Dispatch<K>, first = 0): void {
  for (const action of bind(program, steps, dispatch)) action(first);
}

/** Divides `total` into pieces of at most `most`: each is `count` from `first` on. */
export function pieces(total: number, most: number): readonly { readonly first: number; readonly count: number }[] {
  return Array.from({ length: Math.ceil(total / most) }, (_, i) => ({
    first: i * most,
    count: Math.min(most, total - i * most),
  }));
}

type Action = (t: number) => void;

/** Works out each grid once, before the loop. */
function bind<K>(program: Program<K>, steps: number, dispatch: Dispatch<K>): readonly Action[] {
  return program.map((instruction): Action => {
    switch (instruction.do) {
      case "dispatch": {
        const { kernel, grid } = instruction;
        const [gx, gy, gz] = grid.map((extent) => extent.fixed + extent.perStep * steps);
        return (t) => dispatch(kernel, t, gx, gy, gz);
      }
      case "steps": {
        const actions = bind(instruction.program, steps, dispatch);
        const { reverse } = instruction;
        return (start) => {
          for (let i = 0; i < steps; i++) {
            const t = start + (reverse ? steps - 1 - i : i);
            for (const action of actions) action(t);
          }
        };
      }
      case "segments": {
        const { length, reverse } = instruction;
        const count = Math.ceil(steps / length);
        const whole = bind(instruction.program, Math.min(length, steps), dispatch);
        const last = bind(instruction.program, steps - (count - 1) * length, dispatch);
        return () => {
          for (let i = 0; i < count; i++) {
            const k = reverse ? count - 1 - i : i;
            for (const action of k === count - 1 ? last : whole) action(k * length);
          }
        };
      }
      default:
        return instruction satisfies never;
    }
  });
}
