/** Random programs as PyTorch modules, beside the reference. `stress.ts` runs hundreds. */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, inject, it } from "vitest";
import { runPython } from "./python.ts";
import { isClose, random, ways } from "./random-cases.ts";

const RUN = fileURLToPath(new URL("run.py", import.meta.url));

it("24 random programs train and evaluate as the reference does, in one way or another", () => {
  const folder = mkdtempSync(join(inject("scratch"), "random-"));
  const made = random(11, 24).map((one, n) => {
    const parity = one.make(ways[n % ways.length].options(one));
    const at = join(folder, String(n));
    parity.write(at);
    return { text: one.text, at, parity };
  });
  runPython([RUN, ...made.map(({ at }) => at)]);
  for (const { text, at, parity } of made) {
    const errors = parity.errors(at);
    expect(isClose(errors, parity), `${JSON.stringify(errors)}\n${text}`).toBe(true);
  }
});
