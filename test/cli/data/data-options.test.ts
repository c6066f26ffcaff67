import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type DataOptions,
  dataOptionNames,
  dataOptions,
  dataOptionsSchema,
  type JsonSchema,
} from "../../../cli/data/data-options.ts";
import { taskFileJsonSchema } from "../../../cli/data/task-file.ts";

/** Whether a value is what a JSON schema says; of JSON schema, what the table uses. */
function matches(schema: JsonSchema, value: unknown): boolean {
  const {
    type,
    anyOf,
    enum: allowed,
    items,
    additionalProperties,
    minProperties,
    minItems,
    maxItems,
    uniqueItems,
  } = schema;
  const { minimum, maximum, minLength, maxLength } = schema as Record<string, number | undefined>;
  if (anyOf !== undefined) return (anyOf as JsonSchema[]).some((one) => matches(one, value));
  if (allowed !== undefined) return (allowed as unknown[]).includes(value);
  switch (type) {
    case "boolean":
      return typeof value === "boolean";
    case "string":
      return (
        typeof value === "string" &&
        value.length >= (minLength ?? 0) &&
        value.length <= (maxLength ?? Number.POSITIVE_INFINITY)
      );
    case "integer":
    case "number":
      return (
        typeof value === "number" &&
        (type === "number" || Number.isInteger(value)) &&
        value >= (minimum ?? -Infinity) &&
        value <= (maximum ?? Infinity)
      );
    case "array":
      return (
        Array.isArray(value) &&
        value.length >= Number(minItems ?? 0) &&
        value.length <= Number(maxItems ?? Infinity) &&
        (!uniqueItems || new Set(value).size === value.length) &&
        value.every((item) => matches(items as JsonSchema, item))
      );
    case "object":
      return (
        typeof value === "object" &&
        value !== null &&
        !Array.isArray(value) &&
        Object.keys(value).length >= Number(minProperties ?? 0) &&
        Object.values(value).every((item) => matches(additionalProperties as JsonSchema, item))
      );
    default:
      throw new Error(`the table does not use ${String(type)}`);
  }
}

const accepts = (key: keyof DataOptions, value: unknown): boolean => {
  try {
    dataOptionsSchema({ [key]: value }, []);
    return true;
  } catch {
    return false;
  }
};

const values = fc.oneof(
  fc.constantFrom<unknown>(true, false, null, "", "a", "step", "standard", "mean", ",", ";;", 0, 1, 3, -1, 2.5, "time"),
  fc.constantFrom<unknown>(
    [],
    ["a"],
    ["a", "b"],
    ["a", "a"],
    [""],
    [1],
    { y: ["a"] },
    { y: "a" },
    { y: [] },
    {},
    { y: "" },
    "balanced",
    { up: 5, down: 0 },
    { up: -1 },
  ),
  fc.constantFrom<unknown>([0.7, 0.3], [0.5, 0.25, 0.25], [0.25, 0.25, 0.25, 0.25], [1]),
);

describe("the table of data options", () => {
  test.each(dataOptionNames)("the published schema of `%s` accepts what is read, and nothing else", (key) => {
    fc.assert(
      fc.property(values, (value) => {
        expect(accepts(key, value), JSON.stringify(value)).toBe(matches(dataOptions[key].json, value));
      }),
    );
  });

  test("what a command line gives can be recorded and read again", () => {
    const given: Readonly<Record<string, string>> = {
      inputs: "a,b",
      target: "c",
      label: "d",
      weight: "w",
      classWeights: "up=5,down=0.5",
      symbols: "e",
      group: "g",
      timeColumn: "t",
      window: "3",
      stride: "2",
      horizon: "1",
      per: "step",
      split: "0.7,0.1,0.2",
      splitBy: "time",
      scale: "minmax",
      missing: "previous",
      delimiter: "tab",
      numbers: "1.234,5",
      dates: "dmy",
      format: "csv",
      axes: "TND",
      perSequence: "s",
      unit: "words",
      lineEnd: "<eos>",
      carryStatistics: "window",
      vocabulary: "100",
    };
    for (const key of dataOptionNames) {
      const { read } = dataOptions[key];
      const value = read === undefined ? true : read(given[key]);
      expect(dataOptionsSchema(JSON.parse(JSON.stringify({ [key]: value })), [])).toEqual({ [key]: value });
    }
  });

  test("docs/task.schema.json is what the table says", async () => {
    await expect(`${JSON.stringify(taskFileJsonSchema, null, 2)}\n`).toMatchFileSnapshot(
      "../../../docs/task.schema.json",
    );
  });
});
