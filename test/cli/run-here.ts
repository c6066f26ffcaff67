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

/** As `cellc` of run-cellc.ts has it, from the folder that the tests run in: the repository. */
export async function cellc(
  args: readonly string[],
  { environment = {} }: { readonly environment?: Readonly<Record<string, string>> } = {},
): Promise<Ended> {
  const [stdout, stderr] = [new Memory(), new Memory()];
  const host: HostProcess = Object.assign(new EventEmitter(), {
    ...{ stdin: Readable.from([]), stdout, stderr, env: { HOME: "/nonexistent", ...environment } },
    exit: (code: number) => {
      throw new Error(`exit ${code}`);
    },
  });
  const code = await runCommandLine(args, host);
  return { code, stdout: stdout.text, stderr: stderr.text };
}
