import { expect, it } from "vitest";
import { opsDoc } from "./ops-doc.ts";

it("docs/ops.md says what the op table says", async () => {
  await expect(opsDoc()).toMatchFileSnapshot("../../docs/ops.md");
});
