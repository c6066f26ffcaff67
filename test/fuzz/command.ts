/** The command line in a process of its own, which signals can reach. */
import { type ChildProcess, spawn } from "node:child_process";
import { repository } from "../cli/build-tree.ts";
import type { Ended } from "../cli/run-cellc.ts";
import { builtCommand } from "./scratch.ts";

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

export function start(args: readonly string[]): Running {
  const child = spawn(process.execPath, [builtCommand(), ...args], {
    cwd: repository,
    env: { PATH: process.env.PATH, HOME: "/nonexistent" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]!.setEncoding("utf8").on("data", (more: string) => {
      text[name] += more;
    });
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...text }));
  });
  return { child, ended };
}
