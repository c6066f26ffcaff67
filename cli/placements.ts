/** `--place "hh=layer,rnn.cc=batch(gamma = 0.1)"` → the statements `place hh : layer` and so on. */
import { CompileError } from "../compiler/diagnostics/diagnostic.ts";
import type { PlaceStmt } from "../compiler/syntax/ast.ts";
import { parse } from "../compiler/syntax/parse.ts";

/** Reads the pairs with the language's own parser. Throws CompileError for what is no site or no norm. */
export function readPlacements(pairs: readonly (readonly [string, string])[]): readonly PlaceStmt[] {
  return pairs.map(([site, norm]) => {
    const { file, diagnostics } = parse(`cell options() {\n  place ${site} : ${norm}\n}\n`, "--place");
    if (diagnostics.length > 0) throw new CompileError(diagnostics);
    const [declaration] = file.declarations;
    const [statement] = declaration.kind === "cell" ? declaration.body : [];
    if (statement?.kind !== "place") throw new TypeError(`--place ${site}=${norm} did not read as a placement`);
    return statement;
  });
}
