/** Runs the command line as a user's shell would, in a process of its own. */
import { execFile, spawn } from "node:child_process";
import { cp, mkdtemp } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build as bundle } from "esbuild";
import { inject } from "vitest";

export const repository: string = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Sends Ctrl-C, or `signal`, once this stands on stderr. */
  readonly interruptAt?: RegExp;
  readonly signal?: "SIGINT" | "SIGKILL";
}

let built: Promise<string> | undefined;

/**
 * The folder of the tree compiled to JavaScript as `npm run build` does it, once a worker: a process starts five times as fast as
 * through a loader. It stands in the repository, whose packages and examples it finds there.
 */
async function build(): Promise<string> {
  const folder = await mkdtemp(join(inject("scratch"), "cli-"));
  const compiler = fileURLToPath(new URL("../bin/tsc", import.meta.resolve("typescript")));
  const config = ["-p", "tsconfig.build.json", "--noCheck", "--declaration", "false", "--outDir", folder];
  await promisify(execFile)(process.execPath, [compiler, ...config], { cwd: repository });
  const chevrotain = join(folder, "compiler/syntax/chevrotain.js");
  await bundle({ entryPoints: [chevrotain], bundle: true, format: "esm", outfile: chevrotain, allowOverwrite: true });
  const prelude = "compiler/semantics/prelude";
  await cp(join(repository, prelude), join(folder, prelude), { recursive: true });
  return folder;
}

export async function cellc(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  built ??= build();
  const child = spawn(process.execPath, [join(await built, "cli/main.js"), ...args], {
    cwd: options.cwd ?? repository,
    env: { PATH: process.env.PATH, HOME: "/nonexistent", ...options.environment },
  });
  let stdout = "";
  let stderr = "";
  let interrupted = false;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    if (!interrupted && options.interruptAt?.test(stderr)) {
      interrupted = true;
      child.kill(options.signal ?? "SIGINT");
    }
  });
  child.stdin.end(options.input ?? "");
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}
