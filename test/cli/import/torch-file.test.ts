import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, inject, it } from "vitest";
import { openSource } from "../../../cli/import/open-source.ts";
import { readPickle } from "../../../cli/import/pickle.ts";
import { PickleDamage, PickleRefusal } from "../../../cli/import/pickled.ts";

const folder = "test/fixtures/weights";
const at = (name: string): string => join(folder, `${name}.pt`);
const open = (path: string, key?: string) => openSource(path, key, process.stdin);

interface FixtureTensor {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

it("every type of numbers and every layout in memory is read as PyTorch reads it", async () => {
  const { types } = JSON.parse(readFileSync(join(folder, "torch.json"), "utf8")) as {
    types: Readonly<Record<string, FixtureTensor>>;
  };
  const { tensors } = await open(at("types"));
  expect([...tensors.keys()]).toEqual(Object.keys(types));
  for (const [name, { shape, data }] of Object.entries(types)) {
    expect(tensors.get(name)?.shape, name).toEqual(shape);
    expect([...(await tensors.get(name)!.numbers())], name).toEqual(data);
  }
});

it("a key leads into nested dictionaries, and without it the message says which there are", async () => {
  const { tensors } = await open(at("nested"), "model");
  expect([...tensors.keys()]).toContain("module.rnn.weight_ih_l0");
  await expect(open(at("nested"))).rejects.toMatchObject({
    code: "C0301",
    message: expect.stringContaining("has no tensors, only `model`, `optimizer`, `epoch`, `loss`, `name`, `done`"),
    help: "say where they are: --key model",
  });
  await expect(open(at("nested"), "weights")).rejects.toMatchObject({ code: "C0301" });
  await expect(open(at("nested"), "model.module")).rejects.toMatchObject({ code: "C0301" });
  // Adam's own numbers, by the number of the parameter: no text is a key there.
  await expect(open(at("nested"), "optimizer.state")).rejects.toMatchObject({ code: "C0301" });
});

it("pickles of protocol 4 are read, too, and the format before ZIP files is refused with what to do", async () => {
  expect([...(await (await open(at("protocol4"))).tensors.get("a")!.numbers())]).toEqual([1, 1]);
  await expect(open(at("old_format"))).rejects.toMatchObject({
    code: "C0407",
    help: expect.stringContaining("_use_new_zipfile_serialization=True"),
  });
});

it("nothing of a pickle is run: other objects than numbers are refused by their names", async () => {
  await expect(open(at("hostile"))).rejects.toMatchObject({
    code: "C0414",
    message: expect.stringContaining("posix.system"),
  });
  expect(existsSync("was_run")).toBe(false);
  await expect(open(at("whole_module"))).rejects.toMatchObject({
    code: "C0414",
    message: expect.stringContaining("torch.nn.modules.rnn.LSTM"),
    help: "write the numbers alone: torch.save(model.state_dict(), path)",
  });
});

it("a file that is cut or changed anywhere is refused, or its numbers are as they were", async () => {
  const bytes = readFileSync(at("lstm"));
  const whole = await numbersIn(at("lstm"));
  const path = join(mkdtempSync(join(inject("scratch"), "torch-")), "a.pt");
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: bytes.length - 1 }),
      fc.integer({ min: 1, max: 255 }),
      fc.boolean(),
      async (place, by, cut) => {
        const changed = cut
          ? bytes.subarray(0, place)
          : Uint8Array.from(bytes, (byte, i) => (i === place ? byte ^ by : byte));
        writeFileSync(path, changed);
        const read = await numbersIn(path).catch((error: { readonly code?: string }) => error.code ?? error);
        // Padding between the entries is no part of any.
        if (typeof read !== "string") expect(read).toEqual(whole);
        else expect(["C0301", "C0402", "C0407", "C0414"]).toContain(read);
      },
    ),
    { numRuns: 150 },
  );
});

async function numbersIn(path: string): Promise<readonly (readonly [string, readonly number[]])[]> {
  const { tensors } = await open(path);
  return Promise.all([...tensors].map(async ([name, tensor]) => [name, [...(await tensor.numbers())]] as const));
}

it("any bytes are a pickle, or are refused as a damaged one", () => {
  const codes = [
    0x80, 0x4e, 0x28, 0x74, 0x75, 0x7d, 0x5d, 0x61, 0x65, 0x71, 0x68, 0x51, 0x52, 0x62, 0x2e, 0x85, 0x58, 0x63,
  ];
  const byte = fc.oneof(fc.constantFrom(...codes), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 40 }), (bytes) => {
      let [refused, value]: [unknown, unknown] = [undefined, undefined];
      try {
        value = readPickle(Uint8Array.from(bytes));
      } catch (error) {
        refused = error;
      }
      expect(value !== undefined || refused instanceof PickleDamage || refused instanceof PickleRefusal).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
