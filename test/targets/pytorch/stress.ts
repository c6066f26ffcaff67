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
import * as fc from "fast-check";
import { fileHost } from "../../../cli/api/file-host.ts";
import { CompileError } from "../../../compiler/diagnostics/diagnostic.ts";
import { declarations, elaborate } from "../../../compiler/semantics/elaborate.ts";
import { NotInPytorch } from "../../../targets/pytorch/refusal.ts";
import { randomPrograms } from "../../compile/random-cell.ts";
import { compile } from "../../semantics/sources.ts";
import { Parity, type ParityErrors, type ParityOptions } from "./parity.ts";
import { runPython } from "./python.ts";

const RUN = fileURLToPath(new URL("run.py", import.meta.url));

/** How many modules a process of Python runs: starting one takes a second. */
const TOGETHER = 40;

interface Case {
  readonly name: string;
  readonly text: string;
  readonly make: (options: Partial<ParityOptions>) => Parity;
  readonly batch: number;
  readonly time: number;
}

function random(seed: number, runs: number): readonly Case[] {
  const of = fc.oneof(randomPrograms({ lines: 3, states: 2 }), randomPrograms({ lines: 7, states: 3 }));
  return fc.sample(of, { seed, numRuns: runs }).map(({ text, entry, D, H, batch, time }, n) => ({
    ...{ name: `random ${seed}/${n}`, text, batch, time },
    make: (options) => {
      const { graph, dims } = compile(text, { entry, dims: { D, H } });
      return new Parity(graph, { dims, isCell: entry !== "m", batch, time, ...options });
    },
  }));
}

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

/** Full and shorter sequences: as many as there are examples. */
const lengths = ({ batch, time }: Case): readonly number[] =>
  Array.from({ length: batch }, (_, b) => (b === 0 ? time : 1 + ((7 * b) % time)));

const ways: readonly { readonly name: string; readonly options: (one: Case) => Partial<ParityOptions> }[] = [
  { name: "as they are, and under TorchScript", options: () => ({ script: true }) },
  {
    name: "sequences of several lengths, and under TorchScript",
    options: (one) => ({ lengths: lengths(one), script: true }),
  },
  { name: "for several processes, in one", options: (one) => ({ lengths: lengths(one), distributed: true }) },
];

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
        const all = Object.values(errors) as number[];
        if (!(Math.max(...all) < 1e-9)) {
          const rounding = parity.amplification();
          const off = !(Math.max(...all) < 1e-13 * rounding);
          if (off) failed++;
          console.log(
            `${off ? "OFF" : "rounded"} ${at} ${name}: ${shown(errors)}  rounding ${rounding.toExponential(1)}`,
          );
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
