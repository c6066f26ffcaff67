import { expect, test } from "vitest";
import { apiDoc } from "./api-doc.ts";

const { text, undocumented } = apiDoc();

test("docs/api.md says what the docstrings of the package's exports say", async () => {
  await expect(text).toMatchFileSnapshot("../../../docs/api.md");
});

test("everything that the package exports has a docstring", () => {
  expect(undocumented).toEqual([]);
});
