/** What no source file may contain, whatever the formatter and the type checker say. */
import { ts } from "ts-morph";

/** Functions that define tests; `skip`, `only` and the like on them leave some test out. */
const TEST_FUNCTIONS = new Set(["test", "it", "describe", "suite", "bench"]);
const LEAVING_OUT = new Set(["skip", "only", "todo", "fails", "skipIf", "runIf"]);

/** `line: what is wrong`, for every forbidden thing in a TypeScript source text. Lines count from 1. */
export function sourceObjections(file: string, text: string): readonly string[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const line = (position: number): number => source.getLineAndCharacterOfPosition(position).line + 1;
  const visit = (node: ts.Node): void => {
    const what = nodeObjection(node);
    if (what) found.push(`${line(node.getStart(source))}: ${what}`);
    ts.forEachChild(node, visit);
  };
  visit(source);
  for (const match of text.matchAll(/@ts-(?:ignore|nocheck|expect-error)\b/g)) {
    found.push(`${line(match.index)}: ${match[0]} silences the type checker`);
  }
  for (const match of text.matchAll(/\b(?:TODO|FIXME)[:( ]/g)) {
    found.push(`${line(match.index)}: ${match[0].slice(0, -1)} leaves work behind`);
  }
  for (const match of file === MACHINE ? [] : text.matchAll(GUESSED_MACHINE)) {
    found.push(
      `${line(match.index)}: \`${match[0]}\` guesses what kind of machine it is: ${MACHINE} says what one can do`,
    );
  }
  return found;
}

/** The only file that may tell machines apart by how many invocations a unit has. */
const MACHINE = "compiler/machine.ts";
const GUESSED_MACHINE = /\b(?:(?:lanes|invocations|invocationsOf\([^()]*\)) (?:[=!]==|>|<=) 1\b|machine\.name [=!]==)/g;

function nodeObjection(node: ts.Node): string | undefined {
  if (node.kind === ts.SyntaxKind.AnyKeyword) return "`any` switches the type checker off";
  if (ts.isEnumDeclaration(node)) return "an enum cannot be erased";
  if (ts.isParameterPropertyDeclaration(node, node.parent)) return "a parameter property cannot be erased";
  if (ts.isExportAssignment(node)) return "a default export has no name of its own";
  if (node.kind === ts.SyntaxKind.DefaultKeyword && !ts.isCaseOrDefaultClause(node.parent))
    return "a default export has no name of its own";
  if (ts.isPropertyAccessExpression(node) && LEAVING_OUT.has(node.name.text) && definesTests(node.expression))
    return `.${node.name.text} leaves a test out`;
  return undefined;
}

/** `test`, `describe.concurrent`, … */
function definesTests(node: ts.Expression): boolean {
  if (ts.isIdentifier(node)) return TEST_FUNCTIONS.has(node.text);
  return ts.isPropertyAccessExpression(node) && definesTests(node.expression);
}
