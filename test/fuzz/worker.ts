/**
 * A process that runs one case after another on request, so that a case that hangs or dies affects nothing else.
 * `node --import tsx worker.ts TABLE`, with messages as in `trials.ts`.
 */
import { pathToFileURL } from "node:url";
import type { Case, Fuzzer, Verdict } from "./fuzzer.ts";
import { Random } from "./random.ts";
import type { Answer, Order } from "./trials.ts";
import { kindOf, verdict } from "./verdict.ts";

const { fuzzers } = (await import(pathToFileURL(process.argv[2]).href)) as { readonly fuzzers: readonly Fuzzer[] };

async function made({ fuzzer: name, seed }: Order): Promise<Case> {
  const fuzzer = fuzzers.find((candidate) => candidate.name === name);
  if (fuzzer === undefined) throw new Error(`there is no fuzzer ${name}`);
  return fuzzer.make(new Random(seed));
}

const kind = (found: Verdict): string => ("why" in found ? `${found.outcome}: ${kindOf(found.why)}` : found.outcome);

/** The smallest case that still fails in the same way, as far as is found until `deadline`. */
async function shrunk(whole: Case, until: number): Promise<{ readonly least: Case; readonly found: Verdict }> {
  let least = whole;
  let found = await verdict(() => whole.attempt());
  const wanted = kind(found);
  search: while (performance.now() < until) {
    for (const smaller of least.smaller?.() ?? []) {
      const now = await verdict(() => smaller.attempt());
      if (kind(now) === wanted) {
        least = smaller;
        found = now;
        continue search;
      }
      if (performance.now() > until) break;
    }
    break;
  }
  return { least, found };
}

async function answer(order: Order): Promise<Answer> {
  switch (order.do) {
    case "try":
      return { verdict: await verdict(async () => (await made(order)).attempt()) };
    case "make":
      return { files: (await made(order)).files };
    case "shrink": {
      const { least, found } = await shrunk(await made(order), performance.now() + 1000 * order.seconds);
      return { files: least.files, verdict: found };
    }
    default:
      return order satisfies never;
  }
}

process.on("message", (order: Order) => {
  void answer(order).then((reply) => process.send!(reply));
});

process.send!({} satisfies Answer);
