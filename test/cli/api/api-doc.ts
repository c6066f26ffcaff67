/** The text of `docs/api.md`: what the package exports, for people. */
import {
  type ClassDeclaration,
  type ExportedDeclarations,
  type FunctionDeclaration,
  type InterfaceDeclaration,
  type JSDocableNode,
  type MethodDeclaration,
  type MethodSignature,
  type Symbol as NamedSymbol,
  Node,
  type ParameterDeclaration,
  Project,
  type SourceFile,
  type TypeAliasDeclaration,
  ts,
} from "ts-morph";
import { exportedModules } from "../../house/package-exports.ts";

const intro = `# The API

What the package exports, made from its docstrings; \`npx vitest run test/cli/api -u\` makes it anew. The compiler and the runtime know
nothing of each other: an executable, which is a plan and its code, is all that goes from one to the other, and it can be written to
files in between.

\`\`\`js
import { compile } from "cellc/compiler";
import { Session, wasmBackend } from "cellc/runtime";

// A cell by itself: its loss is the mean of h · d_h, so that its gradients are those of a layer with the cotangent d_h behind.
const [T, B, D, H] = [5, 2, 3, 4];
const { executable } = compile("lstm.cell", { place: "hh=layer", optimizer: "adamw", batch: B, time: T, dims: { D, H } });
const backend = wasmBackend();
const session = await Session.open(executable, backend, { seed: 1 });
const random = (count) => Float32Array.from({ length: count }, Math.random);
const batch = { inputs: { x: random(T * B * D), d_h: random(T * B * H) }, steps: T, examples: B };
for (let step = 0; step < 3; step++) console.log((await session.train(batch, { lr: 1e-2 })).loss);
const { outputs } = await session.infer(batch);
console.log(outputs.h.length === T * B * H);
backend.close();
\`\`\`

Both run in Node and in a page, and a bundler needs no substitute for anything. In a page there are no files, and \`host\` says where
texts come from:

\`\`\`js
const texts = { "app.cell": '…', "lstm.cell": '…' };
const host = { read: (path) => texts[path], resolve: (from, path) => path };
const { executable } = compile("app.cell", { host });
\`\`\`

What \`cellc compile\` or \`cellc export\` wrote is opened by its address, or in Node with \`cellc/runtime/node\` by its path. \`backend\`
chooses where it runs; by default it is the first that is there, of WebGPU and WebGL2 on a GPU, and WebAssembly, and its \`reason\` says what the
others lack. \`openExecutable\` does the same without a session, and \`openBackend\` only the last part:

\`\`\`js
import { openSession } from "cellc/runtime";

const session = await openSession("/models/digits/", { backend: "auto" });
console.log(session.backend.name, session.backend.reason);
\`\`\`

Arguments and options are checked before anything is done. Options are objects; one that a function does not know, or that is not
of its kind, is refused by its name. What is wrong with a text or with the compiler's options is a \`CompileError\`, everything else a
\`RuntimeError\`; both have codes, which \`cellc explain CODE\` explains.
`;

/** What the document has to say, and what it cannot: exports and members without a docstring. */
export interface ApiDoc {
  readonly text: string;
  readonly undocumented: readonly string[];
}

export function apiDoc(): ApiDoc {
  const project = new Project({
    tsConfigFilePath: "tsconfig.json",
    skipAddingFilesFromTsConfig: true,
    // The types of pages and of Node need not be known to be named, and take most of the time.
    compilerOptions: { lib: ["lib.es2024.d.ts"], types: [] },
  });
  const undocumented: string[] = [];
  const sections = exportedModules().map(({ name, source }) =>
    moduleSection(name, project.addSourceFileAtPath(source), undocumented),
  );
  return { text: [intro, ...sections].join("\n"), undocumented };
}

function moduleSection(name: string, source: SourceFile, undocumented: string[]): string {
  const parts: Record<"functions" | "classes" | "types", string[]> = { functions: [], classes: [], types: [] };
  const names: string[] = [];
  for (const [exported, [declaration]] of source.getExportedDeclarations()) {
    const { kind, shown, doc, members = [] } = described(exported, declaration);
    const where = `${name} ${exported}`;
    if (doc === "") undocumented.push(where);
    const block = [
      `#### ${exported}`,
      "",
      ...(shown ? ["```ts", shown, "```", ""] : []),
      ...(doc ? [paragraphs(doc), ""] : []),
    ];
    names.push(exported);
    parts[kind].push([...block, ...members.map(item), ...(members.length > 0 ? [""] : [])].join("\n"));
  }
  const titled = (title: string, blocks: readonly string[]) =>
    blocks.length > 0 ? [`### ${title}`, "", ...blocks] : [];
  const { functions, classes, types } = parts;
  return [
    `## ${name}`,
    "",
    ...moduleDoc(source),
    filled(`${names.map((exported) => `[${exported}](#${exported.toLowerCase()})`).join(", ")}.`),
    "",
    ...titled("Functions and values", functions),
    ...titled("Classes", classes),
    ...titled("Types", types),
  ].join("\n");
}

/** The comment at the top of a file. */
function moduleDoc(source: SourceFile): readonly string[] {
  const [first] = source.getStatementsWithComments();
  const text =
    first?.getLeadingCommentRanges()[0]?.getText() ?? (Node.isCommentStatement(first) ? first.getText() : "");
  return text.startsWith("/**") ? [paragraphs(text.replace(/^\/\*\*|\*\/$/g, "").replace(/^ \* ?/gm, "")), ""] : [];
}

interface Member {
  readonly shown: string;
  readonly doc: string;
}

interface Described {
  readonly kind: "functions" | "classes" | "types";
  /** As code; undefined if the members say everything. */
  readonly shown?: string;
  readonly doc: string;
  readonly members?: readonly Member[];
}

function described(name: string, declaration: ExportedDeclarations): Described {
  if (Node.isFunctionDeclaration(declaration)) {
    return { kind: "functions", shown: signature(name, declaration), doc: docOf(overload(declaration)) };
  }
  if (Node.isVariableDeclaration(declaration)) {
    const type = declaration.getTypeNodeOrThrow().getText();
    return {
      kind: "functions",
      shown: `const ${name}: ${type}`,
      doc: docOf(declaration.getVariableStatementOrThrow()),
    };
  }
  if (Node.isClassDeclaration(declaration)) {
    const base = declaration.getExtends()?.getText();
    const shown = base === undefined ? undefined : `class ${name} extends ${base}`;
    return { kind: "classes", shown, doc: docOf(declaration), members: membersOfClass(declaration) };
  }
  if (Node.isInterfaceDeclaration(declaration)) {
    return { kind: "types", doc: docOf(declaration), members: membersOfInterface(declaration) };
  }
  if (Node.isTypeAliasDeclaration(declaration)) {
    return { kind: "types", shown: aliasText(declaration), doc: docOf(declaration) };
  }
  throw new Error(`${name} is a ${declaration.getKindName()}, which no rule says how to describe`);
}

const aliasText = (alias: TypeAliasDeclaration): string =>
  alias.getText().slice(alias.getText().indexOf("type ")).replace(/;$/, "").replaceAll("readonly ", "");

function membersOfClass(declaration: ClassDeclaration): readonly Member[] {
  const shownAs = (name: string, isStatic: boolean): string => (isStatic ? `${declaration.getName()}.${name}` : name);
  return declaration.getMembers().flatMap((member): readonly Member[] => {
    if (Node.isConstructorDeclaration(member) || Node.isClassStaticBlockDeclaration(member)) return [];
    if (member.getScope() !== "public" || member.getName().startsWith("#")) return [];
    const name = shownAs(member.getName(), member.isStatic());
    if (Node.isMethodDeclaration(member)) return [{ shown: signature(name, member), doc: docOf(overload(member)) }];
    if (Node.isSetAccessorDeclaration(member)) return [];
    const type = Node.isGetAccessorDeclaration(member) ? member.getReturnTypeNode() : member.getTypeNode();
    return type === undefined ? [] : [{ shown: `${name}: ${plain(type.getText())}`, doc: docOf(member) }];
  });
}

/** Those it inherits included: options come of a table, which holds their docstrings. */
function membersOfInterface(declaration: InterfaceDeclaration): readonly Member[] {
  return declaration
    .getType()
    .getProperties()
    .map((property): Member => {
      const [source] = property.getDeclarations();
      if (Node.isMethodSignature(source)) return { shown: signature(property.getName(), source), doc: docOf(source) };
      const written = Node.isPropertySignature(source) ? source.getTypeNode()?.getText() : undefined;
      const optional = property.isOptional() ? "?" : "";
      const type = plain(written ?? inferred(property, declaration));
      return { shown: `${property.getName()}${optional}: ${type}`, doc: docOfSymbol(property, declaration) };
    });
}

const inferred = (property: NamedSymbol, at: InterfaceDeclaration): string =>
  property
    .getTypeAtLocation(at)
    .getNonNullableType()
    .getText(at, ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope);

type Callable = FunctionDeclaration | MethodDeclaration | MethodSignature;

/** The widest of a function's signatures, which is its last; the docstring is at the first. */
function signature(name: string, declared: Callable): string {
  const shape = Node.isMethodSignature(declared) ? declared : (declared.getOverloads().at(-1) ?? declared);
  const parameters = shape.getParameters().map(parameter).join(", ");
  return `${name}(${parameters}): ${plain(shape.getReturnTypeNodeOrThrow().getText())}`;
}

const overload = (declared: FunctionDeclaration | MethodDeclaration): JSDocableNode =>
  declared.getOverloads()[0] ?? declared;

function parameter(declared: ParameterDeclaration): string {
  const optional = declared.hasQuestionToken() || declared.hasInitializer() ? "?" : "";
  const type = declared.getTypeNode();
  const name = declared.getNameNode();
  // What is taken apart at once has no name of its own.
  const word = Node.isIdentifier(name) ? name.getText() : "given";
  return `${declared.isRestParameter() ? "..." : ""}${word}${optional}: ${plain(type?.getText() ?? "unknown")}`;
}

/** A type on one line, without comments and without `readonly`. */
const plain = (type: string): string =>
  type
    .replace(/\/\*\*[\s\S]*?\*\//g, "")
    .replace(/\s+/g, " ")
    .replace(/readonly (?=\w+\??:)/g, "");

/** A file's own comment is separated from what follows it. */
const docOf = (node: JSDocableNode): string =>
  node
    .getJsDocs()
    .filter((doc) => !/^\n\s*\n/.test(doc.getSourceFile().getFullText().slice(doc.getEnd())))
    .map((doc) => doc.getDescription())
    .join("\n")
    .trim();

const docOfSymbol = (symbol: NamedSymbol, at: InterfaceDeclaration): string =>
  ts.displayPartsToString(
    symbol.compilerSymbol.getDocumentationComment(at.getProject().getTypeChecker().compilerObject),
  );

const item = ({ shown, doc }: Member): string => {
  const [first, ...more] = paragraphs(`\`${shown}\`${doc === "" ? "" : `: ${doc}`}`).split("\n");
  return [`- ${first}`, ...more.map((line) => (line === "" ? "" : `  ${line}`))].join("\n");
};

/** Columns of a line, as in the other documents. */
const width = 120;

/** A docstring's text, filled anew; tables, lists and what is indented stay as they are. */
function paragraphs(doc: string): string {
  return doc
    .trim()
    .split(/\n\s*\n/)
    .map((block) => (/^(?:\||- | {4})/m.test(block) ? block : filled(block)))
    .join("\n\n");
}

function filled(text: string): string {
  const lines: string[] = [];
  for (const word of text.trim().split(/\s+/)) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join("\n");
}
