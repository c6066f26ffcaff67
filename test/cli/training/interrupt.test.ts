import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { type SignalSource, withInterrupt } from "../../../cli/training/interrupt.ts";

class Signals extends EventEmitter implements SignalSource {
  readonly exits: number[] = [];

  exit(code: number): void {
    this.exits.push(code);
  }
}

test("the first Ctrl-C is a request, said once, the second ends the process with 130, and a third changes nothing", async () => {
  const signals = new Signals();
  let said = 0;
  const seen = await withInterrupt(
    signals,
    () => {
      said += 1;
    },
    async (interrupt) => {
      const before = interrupt.aborted;
      signals.emit("SIGINT");
      const after = interrupt.aborted;
      expect(signals.exits).toEqual([]);
      signals.emit("SIGTERM");
      // A third one finds a process that is ending.
      signals.emit("SIGINT");
      return [before, after];
    },
  );
  expect(seen).toEqual([false, true]);
  expect(signals.exits).toEqual([130]);
  expect(said).toBe(1);
  expect(signals.listenerCount("SIGINT") + signals.listenerCount("SIGTERM")).toBe(0);
});

test("nothing listens any more after work that failed", async () => {
  const signals = new Signals();
  await expect(
    withInterrupt(
      signals,
      () => {},
      () => Promise.reject(new Error("x")),
    ),
  ).rejects.toThrow("x");
  expect(signals.listenerCount("SIGINT") + signals.listenerCount("SIGTERM")).toBe(0);
});
