import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createNamer, identifier } from "../../targets/shared/names.ts";
import { reserved, reservedWords } from "../../targets/wgsl/reserved.ts";
import * as b from "./build.ts";
import { openDevice } from "./gpu.ts";
import { runWasm, runWgsl } from "./run.ts";

const hostile = fc.oneof(
  fc.constantFrom(...reserved),
  fc.constantFrom(
    "",
    "_",
    "__x",
    "x__",
    "gl_Position",
    "0",
    "9lives",
    "c'",
    "γ",
    "h h",
    "a;b",
    "*/",
    "(;",
    ";;",
    "\n",
    "é",
    "日本",
    "😀",
  ),
  fc.constantFrom(
    "main",
    "u",
    "t",
    "T",
    "lane",
    "group",
    "group_x",
    "work",
    "tiles",
    "from",
    "to",
    "gx",
    "exp",
    "sigmoid",
    "across_max",
  ),
  fc.constant("long".repeat(250)),
  fc.string({ unit: "binary", maxLength: 20 }),
);

describe("a namer", () => {
  it("makes plain, readable identifiers", () => {
    expect(["hh/mean", "c'", "γ", "Wx", "2nd layer", "__x", "", "été"].map(identifier)).toEqual([
      ...["hh_mean", "c_next", "gamma", "Wx", "v2nd_layer", "x", "v", "ete"],
    ]);
  });

  it("gives every key one identifier, unlike all others, and none that is reserved or taken", () => {
    fc.assert(
      fc.property(fc.uniqueArray(hostile, { maxLength: 40 }), (keys) => {
        const namer = createNamer(reserved, ["main", "u"]);
        const names = keys.map((key) => namer.of(key));
        expect(new Set(names).size).toBe(keys.length);
        expect(keys.map((key) => namer.of(key))).toEqual(names);
        for (const name of names) {
          expect(name).toMatch(/^[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*$/);
          expect(name.length).toBeLessThan(60);
          expect(reserved.has(name) || name === "main" || name === "u").toBe(false);
        }
      }),
    );
  });
});

describe("hostile names", () => {
  let device: GPUDevice;
  beforeAll(async () => {
    device = await openDevice();
  });
  afterAll(() => device?.destroy());

  /** Adds up the inputs by way of locals, a tile and loops of these names. */
  const adding = (names: readonly string[], tile: string, doc: string) =>
    b.kernel({
      name: "probe",
      doc,
      lanes: 4,
      tiles: { [tile]: 4 },
      body: [
        b.comment(doc),
        b.lanes(names[0], 0, 4, [
          b.variable(names[1], "f32", b.f(0)),
          b.serial(names[2], 0, 4, [
            b.bind(names[3], "f32", b.load("input", b.plus(b.times(b.v(names[0]), 4), b.v(names[2])))),
            b.assign(
              names[1],
              "f32",
              b.math("add", b.fv(names[1]), b.math("max", b.fv(names[3]), b.math("sigmoid", b.f(-40)))),
            ),
          ]),
          b.store(`tile:${tile}`, b.v(names[0]), b.fv(names[1])),
        ]),
        b.barrier,
        b.lanes(names[4], 0, 4, [b.store("work", b.v(names[4]), b.load(`tile:${tile}`, b.minus(3, b.v(names[4]))))]),
      ],
    });
  const memory = { input: Float32Array.from({ length: 16 }, (_, at) => at), work: new Float32Array(4) };
  const sums = [54, 38, 22, 6];

  it("compile and run in both targets", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(hostile, { minLength: 6, maxLength: 6 }), hostile, async (names, doc) => {
        const probe = adding(names, names[5], doc);
        expect(Array.from((await runWasm(probe, memory)).work)).toEqual(sums);
        expect(Array.from((await runWgsl(device, probe, memory)).work)).toEqual(sums);
      }),
      { numRuns: 40 },
    );
  });

  it("WGSL refuses every word of the reserved list, so that the list is no longer than it must be", async () => {
    // Dawn uses this one already, as an extension.
    for (const word of reservedWords.filter((reserved) => reserved !== "binding_array")) {
      device.pushErrorScope("validation");
      device.createShaderModule({ code: `fn f() { let ${word} = 1; }` });
      expect(await device.popErrorScope(), word).not.toBeNull();
    }
  });
});
