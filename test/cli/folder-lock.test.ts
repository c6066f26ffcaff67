import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { access, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { withFolderLock } from "../../cli/folder-lock.ts";
import { RunFolder } from "../../cli/training/run-folder.ts";
import { withFolder } from "../data/mnist.ts";
import { repository } from "./run-cellc.ts";
import { cellc } from "./run-here.ts";

interface Holder {
  readonly child: ChildProcessWithoutNullStreams;
  /** `held`, or `refused: …`. */
  readonly said: Promise<string>;
  readonly ended: Promise<NodeJS.Signals | number | null>;
}

function hold(folder: string, moment = 0): Holder {
  const script = join(repository, "test/cli/hold-lock.ts");
  const child = spawn(process.execPath, ["--import", import.meta.resolve("tsx"), script, folder, String(moment)]);
  child.stdin.on("error", () => {});
  const said = new Promise<string>((resolve) => child.stdout.setEncoding("utf8").once("data", resolve));
  const ended = new Promise<NodeJS.Signals | number | null>((resolve) =>
    child.on("close", (code, signal) => resolve(signal ?? code)),
  );
  return { child, said, ended };
}

const lockFiles = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder)).filter((name) => name.startsWith(".cellc-lock"));

const held = (folder: string): Promise<string> => withFolderLock(folder, async () => "held");

describe("the lock of a folder", () => {
  test("keeps others out while its process runs, names it, and is gone with it", () =>
    withFolder(async (folder) => {
      const { child, said, ended } = hold(folder);
      expect(await said).toBe("held\n");
      await expect(held(folder)).rejects.toMatchObject({
        code: "C0410",
        message: `process ${child.pid} writes into ${folder} already`,
      });
      child.stdin.end();
      expect([await ended, await lockFiles(folder)]).toEqual([0, []]);
      expect(await held(folder)).toBe("held");
    }));

  test("of processes that are dead is given to one of several that ask at once", () =>
    withFolder(async (folder) => {
      for (const name of [".cellc-lock.held.999999999.0-1.00.", ".cellc-lock.announced.999999998.0-1.00."])
        await writeFile(join(folder, name + encodeURIComponent(hostname())), "");
      // As long as it takes for all of them to start.
      const moment = Date.now() + 3000;
      const all = Array.from({ length: 5 }, () => hold(folder, moment));
      const said = await Promise.all(all.map((one) => one.said));
      expect(said.filter((words) => words === "held\n")).toHaveLength(1);
      expect(said.filter((words) => words.startsWith("refused: process"))).toHaveLength(4);
      for (const { child } of all) child.stdin.end();
      await Promise.all(all.map(({ ended }) => ended));
      expect(await lockFiles(folder)).toEqual([]);
    }));

  test.each(["SIGTERM", "SIGINT", "SIGKILL"] as const)("does not outlive a process that ends by %s", (signal) =>
    withFolder(async (folder) => {
      const { child, said, ended } = hold(folder);
      expect(await said).toBe("held\n");
      child.kill(signal);
      expect(await ended).toBe(signal);
      if (signal !== "SIGKILL") expect(await lockFiles(folder)).toEqual([]);
      expect(await held(folder)).toBe("held");
      expect(await lockFiles(folder)).toEqual([]);
    }),
  );

  test("of a process whose number another one has now counts for nothing", () =>
    withFolder(async (folder) => {
      const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
      const name = `.cellc-lock.held.${process.ppid}.${boot.slice(0, 8)}-1.ab.${encodeURIComponent(hostname())}`;
      await writeFile(join(folder, name), "");
      expect(await held(folder)).toBe("held");
    }));

  test("of a process on another machine keeps others out, and the message names the file", () =>
    withFolder(async (folder) => {
      const name = ".cellc-lock.held.77.ab-1.00.elsewhere";
      await writeFile(join(folder, name), "");
      await expect(held(folder)).rejects.toMatchObject({
        code: "C0410",
        message: `process 77 on elsewhere writes into ${folder} already`,
        help: expect.stringContaining(join(folder, name)),
      });
      expect(await readdir(folder)).toEqual([name]);
    }));

  test("is held once at a time within a process, too, and released after an error", () =>
    withFolder(async (folder) => {
      await withFolderLock(folder, () => expect(held(folder)).rejects.toMatchObject({ code: "C0410" }));
      const failing = withFolderLock(folder, () => Promise.reject(new Error("work failed")));
      await expect(failing).rejects.toThrow("work failed");
      expect(await held(folder)).toBe("held");
    }));

  test("is asked for by every command that writes there, before it does anything else", () =>
    withFolder(async (folder) => {
      const task = ["--task", "digits-rows"];
      await new RunFolder(folder).write({
        ...{ format: 1, status: "interrupted", model: "smnist", task: "digits-rows", batch: 64, seed: 1, step: 0 },
        ...{ options: { file: "examples/smnist.cell", task: "digits-rows" }, machine: {}, started: "2026" },
      } as const);
      await writeFile(join(folder, "model.safetensors"), "");
      await withFolderLock(folder, async () => {
        for (const args of [
          ["train", "examples/smnist.cell", ...task, "--out", folder],
          ["train", "examples/smnist.cell", ...task, "--out", folder, "--resume"],
          ["explore", "examples/smnist.cell", ...task, "--out", folder],
          ["stats", folder, "--estimate"],
          ["stats", join(folder, "model.safetensors"), "--estimate"],
          ["stats", folder, "--estimate", "--output", join(folder, "model.safetensors")],
        ]) {
          const { code, stderr } = await cellc(args);
          expect([code, stderr.split("\n")[0]]).toEqual([
            2,
            `error[C0410]: process ${process.pid} writes into ${folder} already`,
          ]);
        }
        // What only reads, or writes elsewhere, goes on: to a checkpoint that is none.
        for (const args of [
          ["stats", folder],
          ["stats", folder, "--estimate", "--output", join(folder, "new.safetensors")],
        ])
          expect((await cellc(args)).stderr).toContain("error[C0404]");
      });
    }));

  test("leaves no empty folders behind", () =>
    withFolder(async (folder) => {
      await mkdir(join(folder, "a"));
      await held(join(folder, "a/b/c"));
      await expect(access(join(folder, "a/b"))).rejects.toMatchObject({ code: "ENOENT" });
      await withFolderLock(join(folder, "a/b/c"), () => writeFile(join(folder, "a/b/other"), ""));
      expect(await readdir(join(folder, "a/b"))).toEqual(["other"]);
    }));

  test("cannot be taken where there is a file", () =>
    withFolder(async (folder) => {
      await writeFile(join(folder, "file"), "");
      await expect(held(join(folder, "file"))).rejects.toMatchObject({ code: "C0409" });
      await expect(held(join(folder, "file/run"))).rejects.toMatchObject({ code: "C0409" });
    }));
});
