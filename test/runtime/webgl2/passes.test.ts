import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fileHost } from "../../../cli/api/file-host.ts";
import { elaborate } from "../../../compiler/semantics/elaborate.ts";
import type { Backend } from "../../../runtime/backend.ts";
import { glsl } from "../../../targets/glsl/target.ts";
import { Study } from "../../compile/study.ts";
import { tolerance } from "../../compile/tolerances.ts";
import { webgl2InChromium } from "../../targets/webgl2.ts";

const cells = { lstm: "lstm", bnlstm: "bnlstm", gru_after: "gru" } as const;

const entries = Object.keys(cells) as readonly (keyof typeof cells)[];

function studyOf(entry: keyof typeof cells): Study {
  const { graph, dims } = elaborate(`examples/cells/${cells[entry]}.cell`, fileHost, { entry, dims: { D: 3, H: 8 } });
  return new Study(graph, { dims, batch: 4, time: 3, seed: 3, entries: ["train", "infer"] });
}

const studies = new Map(entries.map((entry) => [entry, studyOf(entry)]));

describe.each(["driven", "called"] as const)("with passes that are %s", (way) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await webgl2InChromium({ ways: [way] });
  });
  afterAll(() => backend.close());

  test.each(entries)("%s computes what the reference does", async (cell) => {
    expect(backend.passes).toBe(way);
    const errors = await studies.get(cell)!.targetErrors(glsl, backend, ["train", "infer"]);
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });
});
