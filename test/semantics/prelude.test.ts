import { expect, test } from "vitest";
import { preludeModule } from "../house/prelude-module.ts";

test("the prelude's module says what its .cell files say", async () => {
  await expect(preludeModule()).toMatchFileSnapshot("../../compiler/semantics/prelude/texts.ts");
});
