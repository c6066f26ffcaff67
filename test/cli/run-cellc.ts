/** Runs the command line as a user's shell would, in a process of its own. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { inject } from "vitest";
import { buildTree, repository } from "./build-tree.ts";

export { repository };

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Milliseconds from the signal to the end; undefined if none was sent. */
  readonly afterSignal?: number;
}

export interface RunOptions {
  readonly input?: string;
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Sends Ctrl-C, or `signal`, once this appears on stderr. */
  readonly interruptAt?: RegExp;
  readonly signal?: "SIGINT" | "SIGTERM" | "SIGKILL";
  /** Is called at the start; sends the signal once it resolves, if the process has not ended by then. */
  readonly interruptWhen?: () => Promise<unknown>;
}

/** Once a worker. */
let built: Promise<string> | undefined;

export async function cellc(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  built ??= buildTree(inject("scratch"));
  const child = spawn(process.execPath, [join(await built, "cli/main.js"), ...args], {
    cwd: options.cwd ?? repository,
    env: { PATH: process.env.PATH, HOME: "/nonexistent", ...options.environment },
  });
  let stdout = "";
  let stderr = "";
  let interrupted: number | undefined;
  const interrupt = () => {
    interrupted = performance.now();
    child.kill(options.signal ?? "SIGINT");
  };
  let running = true;
  void options.interruptWhen?.().then(() => running && interrupt());
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    if (interrupted === undefined && options.interruptAt?.test(stderr)) interrupt();
  });
  child.stdin.end(options.input ?? "");
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      running = false;
      const afterSignal = interrupted === undefined ? undefined : performance.now() - interrupted;
      resolve({ code, stdout, stderr, afterSignal });
    });
  });
}
