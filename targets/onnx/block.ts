/** Nodes of ONNX graphs as they are written: a block is the model's graph, or the body of a loop in it. */
import {
  type Attributes,
  attributeProtos,
  type Element,
  elementTypes,
  type NodeProto,
  type TensorProto,
} from "./proto.ts";
import { NotInOnnx } from "./refusal.ts";

/** A value of an ONNX graph. */
export interface OnnxTensor {
  /** Unique in the model. */
  readonly name: string;
  readonly element: Element;
  /** Where it is made. Blocks in this one may read it, too. */
  readonly block: Block;
}

/** The names of a model's values and nodes. */
export class Names {
  readonly #taken = new Set<string>();
  /** How often a name was asked for. */
  readonly #asked = new Map<string, number>();

  /** `hint`, or `hint_2` if that is taken. */
  unique(hint: string): string {
    const base = hint.replace(/[^A-Za-z0-9_]+/g, "_") || "value";
    let n = this.#asked.get(base) ?? 0;
    let name = base;
    do {
      n++;
      name = n === 1 ? base : `${base}_${n}`;
    } while (this.#taken.has(name));
    this.#asked.set(base, n);
    this.#taken.add(name);
    return name;
  }

  /** A name that a program uses. Throws if it is taken. */
  reserve(name: string): string {
    if (this.#taken.has(name))
      throw new NotInOnnx(`two of its inputs and outputs are called ${name}`, "rename one of them");
    this.#taken.add(name);
    return name;
  }
}

/** A graph of ONNX that nodes are added to: the model's, or with a `parent` the body of a loop in that. Names are the model's. */
export class Block {
  readonly nodes: NodeProto[] = [];
  readonly names: Names;
  readonly depth: number;
  /** Nodes by what they compute: none is written twice. */
  readonly #made = new Map<string, readonly OnnxTensor[]>();

  constructor(parent?: Block) {
    this.names = parent?.names ?? new Names();
    this.depth = parent === undefined ? 0 : parent.depth + 1;
  }

  /** Adds a node to this block. An undefined input is an optional one that is left out. */
  add(
    op: string,
    inputs: readonly (OnnxTensor | undefined)[],
    elements: readonly Element[],
    { attributes = {}, names = [], hint }: NodeOptions = {},
  ): readonly OnnxTensor[] {
    const output = elements.map(
      (element, i): OnnxTensor => ({
        name: names[i] ?? this.names.unique(hint || op.toLowerCase()),
        element,
        block: this,
      }),
    );
    this.nodes.push({
      name: `${op}_${output[0].name}`,
      opType: op,
      input: inputs.map((x) => x?.name ?? ""),
      output: output.map(({ name }) => name),
      attribute: attributeProtos(attributes),
    });
    return output;
  }

  /** As `add`, unless there is such a node already. */
  once(
    op: string,
    inputs: readonly (OnnxTensor | undefined)[],
    elements: readonly Element[],
    options: NodeOptions = {},
  ): readonly OnnxTensor[] {
    const key = JSON.stringify([op, inputs.map((x) => x?.name ?? ""), elements, options.attributes ?? {}]);
    const made = this.#made.get(key) ?? this.add(op, inputs, elements, options);
    this.#made.set(key, made);
    return made;
  }
}

export interface NodeOptions {
  readonly attributes?: Attributes;
  /** Of the results, where they must have certain ones. */
  readonly names?: readonly string[];
  /** What results are named after otherwise. */
  readonly hint?: string;
}

/** Constants of up to so many numbers are compared with each other. */
const FEW = 64;

/** The constants of a model, which any block may read. */
export class Constants {
  readonly tensors: TensorProto[] = [];
  readonly #root: Block;
  readonly #known = new Map<string, OnnxTensor>();

  constructor(root: Block) {
    this.#root = root;
  }

  /** Floats are rounded to f32. Small ones that are equal are one. */
  add(element: "float" | "int64", dims: readonly number[], data: ArrayLike<number>, hint?: string): OnnxTensor {
    const text = (x: number): string => (Object.is(x, -0) ? "-0" : String(x));
    const few = data.length <= FEW ? `${element} [${dims}] ${Array.from(data, text)}` : undefined;
    const known = few === undefined ? undefined : this.#known.get(few);
    if (known !== undefined) return known;
    const name = this.#root.names.unique(hint || "constant");
    const numbers = element === "float" ? Float32Array.from(data) : BigInt64Array.from(Array.from(data, BigInt));
    const rawData = new Uint8Array(numbers.buffer);
    this.tensors.push({ name, dims, dataType: elementTypes[element], rawData });
    const made: OnnxTensor = { name, element, block: this.#root };
    if (few !== undefined) this.#known.set(few, made);
    return made;
  }

  ints = (values: readonly number[]): OnnxTensor => this.add("int64", [values.length], values, "ints");
  int = (value: number): OnnxTensor => this.add("int64", [], [value], "int");
  float = (value: number): OnnxTensor => this.add("float", [], [value], "number");
}

/** The nodes that results need, in order; and the names of what they read. */
export function neededNodes(
  nodes: readonly NodeProto[],
  results: readonly string[],
): { readonly nodes: readonly NodeProto[]; readonly read: ReadonlySet<string> } {
  const read = new Set(results);
  const kept = nodes.toReversed().filter(({ input, output, attribute }) => {
    if (!output.some((name) => read.has(name))) return false;
    for (const name of input) read.add(name);
    for (const one of attribute) for (const name of readsOf(one)) read.add(name);
    return true;
  });
  return { nodes: kept.toReversed(), read };
}

/** What the body of a loop reads of the blocks around it, and its own names. */
function readsOf(attribute: object): readonly string[] {
  const body = (attribute as { readonly g?: { readonly node: readonly NodeProto[] } }).g;
  if (body === undefined) return [];
  return body.node.flatMap(({ input, attribute: inner }) => [...input, ...inner.flatMap(readsOf)]);
}
