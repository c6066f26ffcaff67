/** Ctrl-C in a long command: the first asks it to stop after the current step, the second ends the process at once. */
import { exit } from "../failure.ts";

export interface Interrupt {
  readonly requested: boolean;
}

/** The parts of `process` that are needed to listen for signals. Tests pass their own. */
export interface SignalSource {
  on(signal: "SIGINT" | "SIGTERM", listener: () => void): unknown;
  off(signal: "SIGINT" | "SIGTERM", listener: () => void): unknown;
  exit(code: number): unknown;
}

/** Runs `work` with an interrupt that SIGINT or SIGTERM requests. `say` is called at the first signal. */
export async function withInterrupt<T>(
  source: SignalSource,
  say: () => void,
  work: (interrupt: Interrupt) => Promise<T>,
): Promise<T> {
  const state = { requested: false };
  const listener = () => {
    if (state.requested) source.exit(exit.interrupted);
    state.requested = true;
    say();
  };
  source.on("SIGINT", listener);
  source.on("SIGTERM", listener);
  try {
    return await work(state);
  } finally {
    source.off("SIGINT", listener);
    source.off("SIGTERM", listener);
  }
}
