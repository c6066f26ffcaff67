import { expect, test } from "vitest";
import { packed, unpacked } from "../../compiler/semantics/prelude/packed.ts";
import { preludeTexts } from "../../compiler/semantics/prelude/texts.ts";
import { preludeTree } from "../../compiler/semantics/prelude/trees.ts";
import { preludeModule } from "../house/prelude-module.ts";

test("the prelude's module says what its .cell files say", async () => {
  await expect(preludeModule()).toMatchFileSnapshot("../../compiler/semantics/prelude/texts.ts");
});

test("the prelude's trees, as the package has them, are those of its texts", () => {
  for (const [path, text] of preludeTexts) {
    const { file, diagnostics } = preludeTree(text, path);
    expect(diagnostics).toEqual([]);
    expect(unpacked(packed(file), path)).toStrictEqual(file);
  }
});
