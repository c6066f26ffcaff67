import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CompileError } from "../../compiler/diagnostics/diagnostic.ts";
import { check, elaborate } from "../../compiler/semantics/elaborate.ts";
import { files } from "./sources.ts";

const names = ["cells/lstm", "cells/bnlstm", "cells/lnlstm", "cells/gru", "cells/rnn", "smnist"];
const texts = Object.fromEntries(names.map((n) => [`${n}.cell`, readFileSync(`examples/${n}.cell`, "utf8")]));
const words = Object.values(texts)
  .join("\n")
  .match(/\/\/.*|[A-Za-z_]\w*'?|\d+(?:\.\d+)?|\S/g)!
  .filter((w) => !w.startsWith("//"));

/** An example with some of its words replaced by words of any example, or dropped. */
const damaged = fc
  .record({
    file: fc.constantFrom(...names),
    edits: fc.array(
      fc.record({ at: fc.nat(), by: fc.option(fc.constantFrom(...words, "0", "none", "^", "split", "1e300")) }),
      {
        minLength: 1,
        maxLength: 4,
      },
    ),
  })
  .map(({ file, edits }) => {
    const tokens = texts[`${file}.cell`].replace(/\/\/.*/g, "").split(/([A-Za-z_]\w*'?|\d+(?:\.\d+)?|[^\s\w])/);
    for (const { at, by } of edits) tokens[(2 * at + 1) % tokens.length] = by ?? "";
    return tokens.join("");
  });

describe("a damaged program", () => {
  it("never breaks the compiler, and what is wrong with it stands inside its text", () => {
    fc.assert(
      fc.property(damaged, (text) => {
        for (const d of check("main.cell", files({ ...texts, "main.cell": text }))) {
          if (d.span.file !== "main.cell") continue;
          expect(d.span.start).toBeGreaterThanOrEqual(0);
          expect(d.span.end).toBeLessThanOrEqual(text.length);
        }
        // What is accepted has passed the verifier in there; anything but a refusal in the user's words is a failure.
        try {
          elaborate("main.cell", files({ ...texts, "main.cell": text }));
        } catch (e) {
          if (!(e instanceof CompileError)) throw e;
          expect(e.diagnostics.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 200 },
    );
  });
});
