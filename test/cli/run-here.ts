/** Runs the command line in the test's own process: what a command says and writes, without a second for starting Node. */
import { EventEmitter } from "node:events";
import { Readable, Writable } from "node:stream";
import { type HostProcess, runCommandLine } from "../../cli/run.ts";
import type { Ended } from "./run-cellc.ts";

class Memory extends Writable {
  text = "";

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

interface Here {
  readonly environment?: Readonly<Record<string, string>>;
  /** Interrupts the part of the command that is the n-th to listen for it. */
  readonly interruptPart?: number;
}

/** As `cellc` of run-cellc.ts has it, from the folder that the tests run in: the repository. */
export async function cellc(args: readonly string[], { environment = {}, interruptPart }: Here = {}): Promise<Ended> {
  const [stdout, stderr] = [new Memory(), new Memory()];
  const signals = new EventEmitter();
  let parts = 0;
  signals.on("newListener", (signal) => {
    if (signal === "SIGINT" && ++parts === interruptPart) setImmediate(() => signals.emit("SIGINT"));
  });
  const host: HostProcess = Object.assign(signals, {
    ...{ stdin: Readable.from([]), stdout, stderr, env: { HOME: "/nonexistent", ...environment } },
    exit: (code: number) => {
      throw new Error(`exit ${code}`);
    },
  });
  const code = await runCommandLine(args, host);
  return { code, stdout: stdout.text, stderr: stderr.text };
}
