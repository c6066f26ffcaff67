/** The text of a typed module, by ts-morph. */
import type { OptionalKind, PropertySignatureStructure, StatementStructures } from "ts-morph";
import type { Code, Plan, Role } from "../../runtime/plan.ts";
import type { Extent, ModuleDescription, Named, NamedTensor, Tensors } from "./description.ts";
import { docText } from "./doc-text.ts";
import { propertyName, safeIdentifier, valueName } from "./identifiers.ts";
import { hexadecimal, literal } from "./literal.ts";
import { patchOf } from "./patch.ts";

/** The interfaces of tensors, in the order of the text: what each is about, and whether its numbers are always a Float32Array. */
const groups = {
  parameters: { interface: "Parameters", doc: "What training changes, and constants.", owned: true },
  statistics: {
    interface: "Statistics",
    doc: "Population statistics of the norms, a row for each step in front.",
    owned: true,
  },
  inputs: { interface: "Inputs", doc: "What a sequence takes, [T, B, …] for what varies with time.", owned: false },
  targets: { interface: "Targets", doc: "What only the loss needs.", owned: false },
  outputs: { interface: "Outputs", doc: "What a sequence gives.", owned: true },
  firstInputs: { interface: "FirstInputs", doc: "What the first states of a stream are made of.", owned: false },
  stepInputs: { interface: "StepInputs", doc: "What one step of a stream takes.", owned: false },
  stepOutputs: { interface: "StepOutputs", doc: "What one step of a stream gives.", owned: true },
  states: { interface: "States", doc: "What a stream remembers between two steps.", owned: true },
} as const satisfies { readonly [K in keyof Tensors]: { interface: string; doc: string; owned: boolean } };

/** Every interface whose members are names of the cell's text. */
export const interfaceOf: Readonly<Record<keyof Tensors | "dims" | "metrics", string>> = {
  dims: "Dims",
  metrics: "Metrics",
  parameters: groups.parameters.interface,
  statistics: groups.statistics.interface,
  inputs: groups.inputs.interface,
  targets: groups.targets.interface,
  outputs: groups.outputs.interface,
  firstInputs: groups.firstInputs.interface,
  stepInputs: groups.stepInputs.interface,
  stepOutputs: groups.stepOutputs.interface,
  states: groups.states.interface,
};

const groupNames = Object.keys(groups) as readonly (keyof Tensors)[];

/** What the module declares and imports besides the entry. */
const ownNames: readonly string[] = [
  ...Object.values(interfaceOf),
  ...["Signature", "Model", "dims", "runtimeVersion", "wasmCodeOf", "hotModule", "Plan", "Code", "ShapedTensor"],
  ...["TrainingModel", "TrainingModule", "trainingModule", "InferenceModel", "InferenceModule", "inferenceModule"],
  ...["inferenceStream", "drawNoise", "ragged", "shadows", "noSoftware"],
];

/** The name under which the module exports its entry. */
export function exportedName({ entry, kernels }: ModuleDescription): string {
  const taken = kernels.flatMap(({ target, backend }) => [planName(target), codeName(target), backend]);
  return safeIdentifier(entry.name, new Set([...ownNames, ...taken]));
}

/** `wgsl+subgroups` → `wgslSubgroups`. */
const camel = (target: string): string =>
  target.replace(/[^A-Za-z0-9]+(\w?)/g, (_, letter: string) => letter.toUpperCase());
const planName = (target: string): string => `${camel(target)}Plan`;
const codeName = (target: string): string => `${camel(target)}Code`;

/** How a development server replaces the module while it runs. */
export interface HotReplacement {
  /** The server's handle: `import.meta.hot`. */
  readonly handle: string;
}

/** The text. With `hot`, the module can be replaced while a development server runs. */
export async function moduleText(module: ModuleDescription, hot?: HotReplacement): Promise<string> {
  const { Project, IndentationText, NewLineKind, QuoteKind } = await import("ts-morph");
  const project = new Project({
    useInMemoryFileSystem: true,
    manipulationSettings: {
      indentationText: IndentationText.TwoSpaces,
      newLineKind: NewLineKind.LineFeed,
      quoteKind: QuoteKind.Double,
    },
  });
  const file = project.createSourceFile("module.ts", {
    statements: [...header(module), ...(await statements(module, hot))],
  });
  return `${file.getFullText().trimEnd()}\n`;
}

function header({ header: lines }: ModuleDescription): readonly string[] {
  const ignore = [
    "/* eslint-disable */",
    "// biome-ignore-all format: generated",
    "// biome-ignore-all lint: generated",
  ];
  return [...lines.map((line) => `// ${line.replace(/[\r\n\u2028\u2029]/g, " ")}`), ...ignore];
}

async function statements(
  module: ModuleDescription,
  hot: HotReplacement | undefined,
): Promise<readonly (string | StatementStructures)[]> {
  const { StructureKind } = await import("ts-morph");
  const { entry, dims, metrics, kernels, trains, lacks, runtimeVersion, command, targets, states } = module;
  const name = exportedName(module);
  const model = trains ? "TrainingModel" : "InferenceModel";
  const moduleType = trains ? "TrainingModule" : "InferenceModule";
  const make = trains ? "trainingModule" : "inferenceModule";
  const streams = !trains && states.length > 0;
  const fills = (kind: Role["kind"]): boolean => !trains && kernels.some(({ plan }) => hasRole(plan, kind));
  const [hasNoise, isRagged] = [fills("noise"), fills("lengths")];
  const values = [
    ...(kernels.some(({ code }) => code.kind === "wasm") ? ["wasmCodeOf"] : []),
    ...(hot ? ["hotModule"] : []),
    make,
    ...(streams ? ["inferenceStream"] : []),
    ...(hasNoise ? ["drawNoise"] : []),
    ...(isRagged ? ["ragged"] : []),
    ...(kernels.some(({ code }) => code.kind === "glsl") ? webglParts(module) : []),
    ...new Set(kernels.map(({ backend }) => backend)),
  ];
  const hasTensors = groupNames.some((group) => module[group].length > 0);
  const types = ["Code", model, moduleType, "Plan", ...(hasTensors ? ["ShapedTensor"] : [])];
  const imports = [
    ...values.map((value) => ({ name: value })),
    ...types.map((type) => ({ name: type, isTypeOnly: true })),
  ];
  // As texts, because ts-morph would indent the lines of a value once more.
  const constant = (constantName: string, type: string, value: string, doc?: string): string =>
    doc === undefined
      ? `const ${constantName}: ${type} = ${value};`
      : `${commentOf(doc)}\nexport const ${constantName}: ${type} = ${value};`;
  const declared = (
    interfaceName: string,
    doc: string,
    properties: OptionalKind<PropertySignatureStructure>[],
  ): StatementStructures | string =>
    properties.length === 0
      ? `${commentOf(doc)}\nexport interface ${interfaceName} {}`
      : { kind: StructureKind.Interface, name: interfaceName, isExported: true, docs: [doc], properties };
  const whole = `${model}<Signature>`;
  const signature = `Signature, ${kernels.map(({ target }) => JSON.stringify(target)).join(" | ")}`;
  const without = lacks.map((method) => JSON.stringify(method)).join(" | ");
  return [
    {
      kind: StructureKind.ImportDeclaration,
      moduleSpecifier: "cellc/runtime/module",
      namedImports: imports.sort((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1)),
    },
    declared(
      interfaceOf.dims,
      "Dimensions, constants in the kernels.",
      dims.map((dim) => property(dim, String(dim.value))),
    ),
    constant(
      "dims",
      "Dims",
      `{ ${dims.map((dim) => `${valueName(dim.name)}: ${dim.value}`).join(", ")} }`,
      "Dimensions, constants in the kernels.",
    ),
    ...groupNames.map((group) => {
      const { interface: interfaceName, doc, owned } = groups[group];
      return declared(
        interfaceName,
        doc,
        module[group].map((tensor) => property(tensor, tensorType(tensor, owned))),
      );
    }),
    declared(
      interfaceOf.metrics,
      "Numbers that are reported besides the loss.",
      metrics.map((metric) => property(metric, "number")),
    ),
    declared("Signature", `What the type checker knows of \`${printed(entry.name)}\`.`, [
      ...groupNames.map((group) => ({ name: group, type: groups[group].interface, isReadonly: true })),
      { name: "metrics", type: interfaceOf.metrics, isReadonly: true },
    ]),
    {
      kind: StructureKind.TypeAlias,
      name: "Model",
      isExported: true,
      docs: [`What \`${name}.open\` returns.`],
      type: lacks.length === 0 ? whole : `Omit<${whole}, ${without}>`,
    },
    `\n${constant("runtimeVersion", "number", String(runtimeVersion), "The version of the runtime's interface that this is made for.")}`,
    ...kernels.flatMap(({ target, plan, code }) => [
      constant(planName(target), "Plan", literal(plan)),
      constant(codeName(target), "() => Code", `() => ${codeText(code)}`),
    ]),
    `\n${constant(name, `${moduleType}<${signature}, Model>`, made(), docText(entry.doc) || "The compiled cell or model.")}`,
    ...(hot ? [`if (${hot.handle}) ${hot.handle}.accept();`] : []),
  ];

  function made(): string {
    const parts = [
      "runtimeVersion",
      `command: ${JSON.stringify(command)}`,
      `targets: ${literal(targets.map((target) => target.name))}`,
      ...(streams ? ["stream: inferenceStream"] : []),
      ...(hasNoise ? ["noise: drawNoise"] : []),
      ...(isRagged ? ["ragged"] : []),
      `kernels: [\n${kernels
        .map(
          ({ target, backend, code }) =>
            `    { target: ${JSON.stringify(target)}, plan: ${planName(target)}, code: ${codeName(target)}, backend: ${openerOf(module, backend, code)} },\n`,
        )
        .join("")}  ]`,
    ];
    const call = `${make}<${signature}>({\n${parts.map((part) => `  ${part},\n`).join("")}})`;
    return hot ? `hotModule(${hot.handle}, ${call})` : `/* @__PURE__ */ ${call}`;
  }
}

const commentOf = (doc: string): string =>
  doc.includes("\n") ? `/**\n${doc.replace(/^/gm, " * ").replace(/ +$/gm, "")}\n */` : `/** ${doc} */`;

function property({ name, doc }: Named, type: string): OptionalKind<PropertySignatureStructure> {
  return { name: propertyName(name), type, isReadonly: true, ...(doc.length > 0 && { docs: [docText(doc)] }) };
}

/** How the runtime is asked for the backend. Processors have no GPU that could be missing. */
function openerOf(module: ModuleDescription, backend: string, { kind }: Code): string {
  switch (kind) {
    case "wasm":
      return `() => ${backend}()`;
    case "wgsl":
      return `(options) => ${backend}(options)`;
    case "glsl":
      return `(options) => ${backend}(options, { ${webglParts(module).join(", ")} })`.replace("{  }", "{}");
  }
}

/** What a module needs of the backend for WebGL2 besides the backend. */
const webglParts = ({ trains, kernels }: ModuleDescription): readonly string[] => [
  ...(trains ? ["shadows"] : []),
  ...(kernels.length > 1 ? ["noSoftware"] : []),
];

const extent = (value: Extent): string => (value === "time" ? "number" : String(value));

const tensorType = ({ shape }: NamedTensor, owned: boolean): string =>
  `ShapedTensor<readonly [${shape.map(extent).join(", ")}]${owned ? ", Float32Array" : ""}>`;

/** The expression of code. The text of WebAssembly is not needed to run it; shaders of similar length are often similar, and compress. */
function codeText(code: Code): string {
  if (code.kind === "wasm") {
    const { binary, relaxed } = code;
    const parts = [binary, ...(relaxed ? [patchOf(binary, relaxed)] : [])];
    return `wasmCodeOf(${parts.map(hexadecimal).join(", ")})`;
  }
  const modules = Object.entries(code.modules).sort(([, a], [, b]) => a.length - b.length);
  return `(${literal({ ...code, modules: Object.fromEntries(modules) })})`;
}

const hasRole = ({ entries }: Plan, kind: Role["kind"]): boolean =>
  Object.values(entries).some(({ tensors }) => tensors.some(({ role }) => role.kind === kind));

const printed = (name: string): string => name.replace(/[`*\\]/g, "");
