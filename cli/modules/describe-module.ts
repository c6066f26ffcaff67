/** From a compiled cell or model, and what its text says, to what a typed module is printed from. */
import type { Documentation, Documented, DocumentedParameter } from "../../compiler/documentation.ts";
import { placeName } from "../../compiler/semantics/site-names.ts";
import { keptTensors, shapeOf } from "../../runtime/layout.ts";
import { runtimeVersion } from "../../runtime/module/module.ts";
import type { EntryName, Plan, Tensor } from "../../runtime/plan.ts";
import type { ModuleDescription, Named, NamedTensor, TargetKernels, Tensors } from "../../targets/ts/description.ts";

/** What a module is described from besides its kernels, which are the same model for each target. */
export interface ModuleSource {
  readonly documentation: Documentation;
  readonly kernels: readonly TargetKernels[];
  readonly header: readonly string[];
  readonly command: string;
  /** The path of a text as a map of the module's declarations has it. */
  pathOf(file: string): string;
}

/** The methods of a model that need an entry. */
const methodsOf: readonly (readonly [entry: EntryName, methods: readonly string[], ofTraining: boolean])[] = [
  ["infer", ["forward", "infer"], false],
  ["infer", ["evaluate"], true],
  ["estimate", ["estimate"], true],
  ["step", ["stream"], false],
];

export function describeModule({ documentation, kernels, header, command, pathOf }: ModuleSource): ModuleDescription {
  const [{ plan }] = kernels;
  const trains = plan.entries.train !== undefined && plan.entries.update !== undefined;
  const placed = ({ span, comment, declared }: Documented): Omit<Named, "name"> => {
    const [first, ...others] = comment;
    const said =
      declared === "" ? first : [`\`${declared.replaceAll("`", "")}\``, ...(first ? [first] : [])].join(": ");
    return {
      place: { file: span.file, start: span.start, end: span.end },
      doc: said === undefined ? [] : [said, ...others],
    };
  };
  return {
    header,
    command,
    runtimeVersion,
    entry: { name: documentation.name, ...placed(documentation.entry) },
    dims: Object.entries(plan.dims).map(([name, value]) => ({
      name,
      value,
      ...(name === "batch" ? { doc: ["Examples in a batch."] } : named(name, documentation.dims, placed)),
    })),
    ...tensorsOf(plan, documentation, placed),
    metrics: (measuring(plan)?.tensors ?? []).flatMap(({ name, role }) =>
      role.kind === "metric" ? [{ name, ...named(name, documentation.metrics, placed) }] : [],
    ),
    trains,
    lacks: methodsOf.flatMap(([entry, methods, ofTraining]) =>
      plan.entries[entry] === undefined && (trains || !ofTraining) ? methods : [],
    ),
    kernels,
    sources: documentation.files.map(({ path, text }) => ({ file: path, path: pathOf(path), text })),
  };
}

type Placed = (documented: Documented) => Omit<Named, "name">;

function named(name: string, known: ReadonlyMap<string, Documented>, placed: Placed): Omit<Named, "name"> {
  const found = known.get(name);
  return found === undefined ? { doc: [] } : placed(found);
}

/** The entry that computes loss and metrics. */
const measuring = ({ entries }: Plan) => entries.infer ?? entries.train;

function tensorsOf(plan: Plan, documentation: Documentation, placed: Placed): Tensors {
  const whole = measuring(plan)?.tensors ?? [];
  const step = plan.entries.step?.tensors ?? [];
  const kept = keptTensors(plan);
  const given = (tensors: readonly Tensor[]): readonly Tensor[] =>
    tensors.filter(({ role }) => role.kind === "input" || role.kind === "index");
  const isTarget = ({ name }: Tensor): boolean => !documentation.inputs.has(name);
  const outputs = (tensors: readonly Tensor[]): readonly NamedTensor[] =>
    tensors.flatMap((tensor) =>
      tensor.role.kind === "output"
        ? [{ name: tensor.name, shape: extentsOf(tensor), ...named(tensor.name, documentation.outputs, placed) }]
        : [],
    );
  const input = (tensor: Tensor): NamedTensor => {
    const { name, role } = tensor;
    const { doc, place } = named(
      name,
      documentation.inputs.has(name) ? documentation.inputs : documentation.targets,
      placed,
    );
    const notes = [
      ...(role.kind === "index" ? [`Whole numbers from 0 to ${role.size - 1}.`] : []),
      ...(role.kind === "input" && role.target ? ["NaN marks a missing number."] : []),
      ...(place === undefined ? ["The output is multiplied by it, and the mean of the products is the loss."] : []),
    ];
    return { name, shape: extentsOf(tensor), doc: [...doc, ...notes], place };
  };
  return {
    parameters: kept.flatMap(({ name, shape, kind, tensor: { role } }) => {
      if (kind !== "param") return [];
      const { doc, place } = parameter(documentation.parameters.get(name), placed);
      const isConstant = role.kind === "param" && role.constant;
      return [{ name, shape, place, doc: isConstant ? [...doc, "A constant, which training does not change."] : doc }];
    }),
    statistics: kept.flatMap(({ name, shape, kind }) =>
      kind === "stat" ? [{ name, shape, ...statistic(name, documentation, placed) }] : [],
    ),
    inputs: given(whole)
      .filter((tensor) => !isTarget(tensor))
      .map(input),
    targets: given(whole).filter(isTarget).map(input),
    outputs: outputs(whole),
    firstInputs: given(plan.entries.start?.tensors ?? []).map(input),
    stepInputs: given(step).map(input),
    stepOutputs: outputs(step),
    states: step.flatMap((tensor) => {
      if (tensor.role.kind !== "state" || tensor.region !== "work") return [];
      const name = tensor.name.slice(tensor.name.indexOf("/") + 1);
      return [{ name, shape: extentsOf(tensor), ...named(name, documentation.states, placed) }];
    }),
  };
}

/** A shape with T where it varies. */
const extentsOf = (tensor: Tensor): NamedTensor["shape"] =>
  tensor.time ? ["time", ...tensor.shape] : shapeOf(tensor, 1);

function parameter(found: DocumentedParameter | undefined, placed: Placed): Omit<Named, "name"> {
  if (found === undefined) return { doc: [] };
  const { doc, place } = placed(found);
  if (found.norm === undefined) return { doc, place };
  const { name, site, option } = found.norm;
  return { place, doc: [`${option === undefined ? "A parameter" : `\`${option}\``} of \`${name}\` at \`${site}\`.`] };
}

/** `rnn/hh/m` is a statistic of the norm at `rnn/hh`. */
function statistic(name: string, { sites }: Documentation, placed: Placed): Omit<Named, "name"> {
  const site = name.slice(0, Math.max(0, name.lastIndexOf("/")));
  const found = sites.get(site);
  if (found === undefined) return { doc: [] };
  const { place } = placed(found);
  const value = found.declared === "" ? "" : ` ${found.declared.replaceAll("`", "")}`;
  return { place, doc: [`Of the norm at \`${placeName(site)}${value}\`.`] };
}
