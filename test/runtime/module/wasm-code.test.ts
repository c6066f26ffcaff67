import fc from "fast-check";
import { expect, test } from "vitest";
import { bytesOf, patched, wasmCodeOf } from "../../../runtime/module/wasm-code.ts";
import { patchOf } from "../../../targets/ts/patch.ts";

test("hexadecimal digits mean bytes, and white space means nothing", () => {
  expect(bytesOf("\n00ff\n7f\n")).toEqual(Uint8Array.of(0, 255, 127));
  expect(bytesOf("")).toEqual(new Uint8Array(0));
});

/** Bytes, of which many are equal, and the same with some of them left out, put in or moved. */
const two = fc
  .tuple(
    fc.array(fc.nat(3), { maxLength: 700 }),
    fc.array(fc.record({ at: fc.nat(700), less: fc.nat(600), put: fc.array(fc.nat(255), { maxLength: 300 }) }), {
      maxLength: 4,
    }),
  )
  .map(([bytes, changes]) => {
    const target = [...bytes];
    for (const { at, less, put } of changes) target.splice(at, less, ...put);
    return [Uint8Array.from(bytes), Uint8Array.from(target)] as const;
  });

test("a patch makes the second of any bytes of the first", () => {
  fc.assert(
    fc.property(two, ([base, target]) => {
      expect(patched(base, patchOf(base, target))).toEqual(target);
    }),
  );
});

test("a patch of what differs in few places is short, and one of what does not differ is empty", () => {
  const base = Uint8Array.from({ length: 5000 }, (_, i) => (i * i) % 251);
  const target = Uint8Array.from([...base.subarray(0, 1000), 7, 7, ...base.subarray(1003)]);
  expect(patchOf(base, target).length).toBeLessThan(10);
  expect(patchOf(base, base)).toHaveLength(0);
});

test("code without a patch is the same for all engines", () => {
  expect(wasmCodeOf("0061")).toEqual({ kind: "wasm", text: "", binary: Uint8Array.of(0, 97) });
  expect(wasmCodeOf("0061", "01 01 02 05 06")).toMatchObject({ relaxed: Uint8Array.of(0, 5, 6) });
});

test("a damaged patch ends, whatever its numbers say", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), (patch) => {
      expect(patched(Uint8Array.of(1, 2, 3), patch).length).toBeLessThan(30);
    }),
  );
});
