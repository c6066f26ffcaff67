/**
 * Random programs, and what people write first, as PyTorch modules beside the interpreter: as they are and under TorchScript, with
 * sequences of several lengths, and for several processes.
 *
 *     npx tsx test/targets/pytorch/stress.ts FOLDER [SEED] [RUNS]
 *
 * FOLDER gets the modules and their numbers. Prints what is refused, a line for each that is off, and the worst errors.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fileHost } from "../../../cli/api/file-host.ts";
import { CompileError } from "../../../compiler/diagnostics/diagnostic.ts";
import { declarations, elaborate } from "../../../compiler/semantics/elaborate.ts";
import { NotInPytorch } from "../../../targets/pytorch/refusal.ts";
import { Parity, type ParityErrors } from "./parity.ts";
import { runPython } from "./python.ts";
import { type Case, isClose, random, ways } from "./random-cases.ts";

const RUN = fileURLToPath(new URL("run.py", import.meta.url));

/** How many modules a process of Python runs: starting one takes a second. */
const TOGETHER = 40;

const ATTEMPTS = "test/compile/first-attempts";

const attempts = (): readonly Case[] =>
  readdirSync(ATTEMPTS).map((name) => {
    const path = join(ATTEMPTS, name);
    return {
      ...{ name, text: fileHost.read(path)!, batch: 3, time: 4 },
      make: (options) => {
        const { graph, dims } = elaborate(path, fileHost);
        const { kind } = declarations(path, fileHost).find((d) => d.name === graph.name)!;
        return new Parity(graph, { dims, isCell: kind === "cell", batch: 3, time: 4, ...options });
      },
    };
  });

const shown = (errors: ParityErrors): string =>
  Object.entries(errors)
    .map(([kind, error]) => `${kind} ${(error as number).toExponential(1)}`)
    .join("  ");

const firstLines = (error: unknown, from = 0): string =>
  String(error).split("\n").slice(from).slice(0, 4).join("\n    ");

function main(folder: string, seed: number, runs: number): void {
  mkdirSync(folder, { recursive: true });
  const cases = [...attempts(), ...random(seed, runs)];
  let failed = 0;
  for (const [k, { name: way, options }] of ways.entries()) {
    const made: { readonly name: string; readonly at: string; readonly parity: Parity }[] = [];
    const refusals = new Map<string, number>();
    for (const [i, one] of cases.entries()) {
      const at = join(folder, `${k}-${i}`);
      rmSync(at, { recursive: true, force: true });
      mkdirSync(at);
      writeFileSync(join(at, "main.cell"), one.text);
      try {
        const parity = one.make(options(one));
        parity.write(at);
        made.push({ name: one.name, at, parity });
      } catch (error) {
        if (error instanceof NotInPytorch || error instanceof CompileError) {
          const why = error instanceof CompileError ? error.diagnostics[0].code : error.message;
          refusals.set(why, (refusals.get(why) ?? 0) + 1);
          continue;
        }
        failed++;
        console.log(
          `FAILED ${at} ${one.name}: ${error instanceof Error ? error.stack?.split("\n").slice(0, 6).join("\n    ") : error}`,
        );
      }
    }
    for (let i = 0; i < made.length; i += TOGETHER)
      runPython([RUN, ...made.slice(i, i + TOGETHER).map(({ at }) => at)]);
    const worst = { forward: 0, gradient: 0, statistics: 0, evaluation: 0 };
    for (const { name, at, parity } of made) {
      try {
        const errors = parity.errors(at);
        if (!isClose(errors, parity)) {
          failed++;
          console.log(`OFF ${at} ${name}: ${shown(errors)}  rounding ${parity.amplification().toExponential(1)}`);
          continue;
        }
        for (const key of Object.keys(worst) as (keyof ParityErrors)[]) worst[key] = Math.max(worst[key], errors[key]);
      } catch (error) {
        failed++;
        const lines = String(error).trimEnd().split("\n");
        console.log(`FAILED ${at} ${name}: ${firstLines(error)}\n      … ${lines.slice(-3).join("\n    ")}`);
      }
    }
    for (const [why, n] of refusals) console.log(`refused ${n}: ${why}`);
    console.log(`== ${way}: ${made.length} modules; worst of the others: ${shown(worst)}\n`);
  }
  console.log(`${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}

main(process.argv[2] ?? "pytorch-modules", Number(process.argv[3] ?? 1), Number(process.argv[4] ?? 100));
