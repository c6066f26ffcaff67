import { describe, expect, it } from "vitest";
import { checkDims } from "../../compiler/checks/dims.ts";
import { CompileError, type Diagnostic } from "../../compiler/diagnostics/diagnostic.ts";
import { parseGraph } from "../../compiler/ir/parse-text.ts";

const graph = parseGraph(`graph halves {
  %x = leaf input "x" : f32[time, batch, H]
  %h = leaf input "h" : f32[batch, H/2]
  %h_last = scan (%s = %h) over (%xt = %x) {
    %a, %b = split %xt {axis=0, parts=2} : f32[batch, H/2], f32[batch, H/2]
    %c = add %a, %b : f32[batch, H/2]
    %d = add %s, %c : f32[batch, H/2]
    yield %d
  } : f32[batch, H/2]
  result output "h" %h_last
}`);

function problems(dims: Readonly<Record<string, number>>): readonly Diagnostic[] {
  try {
    checkDims([graph], dims, "halves.cell");
    return [];
  } catch (error) {
    if (error instanceof CompileError) return error.diagnostics;
    throw error;
  }
}

describe("extents", () => {
  it("may be any whole positive numbers", () => {
    expect(problems({ batch: 3, H: 6 })).toEqual([]);
  });

  it.each([
    [{ H: 5 }, "the extent H/2 is 2.5 with H = 5, not a whole positive number"],
    [{ H: 0 }, "the extent H is 0 with H = 0, not a whole positive number"],
    [{ H: -4 }, "the extent H is -4 with H = -4, not a whole positive number"],
  ])("that are not are refused: %o", (dims, message) => {
    expect(problems({ batch: 3, ...dims })).toMatchObject([{ code: "C0217", message, span: { file: "halves.cell" } }]);
  });
});
