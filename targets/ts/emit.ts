/** A module's text as JavaScript and as declarations. */

/** The JavaScript of a module's text. */
export async function javaScriptOf(text: string): Promise<string> {
  const { ts } = await import("ts-morph");
  const { outputText } = ts.transpileModule(text, { compilerOptions: await options() });
  return outputText;
}

/** The declarations of a module's text. Its types are all written down, so nothing else needs to be known. */
export async function declarationsOf(text: string): Promise<string> {
  const { ts } = await import("ts-morph");
  const { outputText, diagnostics = [] } = ts.transpileDeclaration(text, { compilerOptions: await options() });
  const [first] = diagnostics;
  if (first !== undefined) throw new Error(`the module's types cannot be taken from its text: ${said(first)}`);
  return outputText;
}

async function options() {
  const { ts } = await import("ts-morph");
  return {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    newLine: ts.NewLineKind.LineFeed,
    isolatedDeclarations: true,
    declaration: true,
    verbatimModuleSyntax: true,
    strict: true,
  } as const;
}

const said = ({ messageText }: { readonly messageText: unknown }): string =>
  typeof messageText === "string" ? messageText : JSON.stringify(messageText);
