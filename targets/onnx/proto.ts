/**
 * ONNX's messages, as far as a model needs them (onnx/onnx.proto, IR version 8). The objects here are what protobufjs encodes; the
 * numbers of fields and types are the standard's.
 */

/** `TensorProto.DataType`. */
export const elementTypes = { float: 1, int32: 6, int64: 7, bool: 9 } as const;
export type Element = keyof typeof elementTypes;

/** `AttributeProto.AttributeType`. */
const attributeTypes = { f: 1, i: 2, s: 3, g: 5, ints: 7, strings: 8 } as const;

export type Attribute =
  | { readonly f: number }
  | { readonly i: number }
  | { readonly s: string }
  | { readonly ints: readonly number[] }
  | { readonly strings: readonly string[] }
  | { readonly g: GraphProto };

export type Attributes = Readonly<Record<string, Attribute>>;

export interface NodeProto {
  readonly name: string;
  readonly opType: string;
  /** An empty name is an optional input that is left out. */
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly object[];
}

export interface TensorProto {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  /** Little-endian. */
  readonly rawData: Uint8Array;
}

/** A dimension: a number, or the name of one that is known when the model runs. */
export type Extent = number | string;

export interface ValueInfoProto {
  readonly name: string;
  readonly type: object;
  readonly docString?: string;
}

export interface GraphProto {
  readonly name: string;
  readonly node: readonly NodeProto[];
  readonly initializer: readonly TensorProto[];
  readonly input: readonly ValueInfoProto[];
  readonly output: readonly ValueInfoProto[];
  readonly docString?: string;
}

export interface ModelProto {
  readonly irVersion: number;
  readonly producerName: string;
  readonly producerVersion: string;
  readonly docString: string;
  readonly opsetImport: readonly { readonly domain: string; readonly version: number }[];
  readonly metadataProps: readonly { readonly key: string; readonly value: string }[];
  readonly graph: GraphProto;
}

/** Attributes by name as protobuf messages. */
export const attributeProtos = (attributes: Attributes): readonly object[] =>
  Object.entries(attributes).map(([name, value]) => {
    const [kind] = Object.keys(value) as (keyof typeof attributeTypes)[];
    const encoder = new TextEncoder();
    if ("s" in value) return { name, type: attributeTypes.s, s: encoder.encode(value.s) };
    if ("strings" in value)
      return { name, type: attributeTypes.strings, strings: value.strings.map((text) => encoder.encode(text)) };
    return { name, type: attributeTypes[kind], ...value };
  });

/** The name, element type and shape of an input or output; a text as extent names what a run decides. */
export const valueInfo = (
  name: string,
  element: Element,
  shape: readonly Extent[],
  docString?: string,
): ValueInfoProto => ({
  name,
  type: {
    tensorType: {
      elemType: elementTypes[element],
      shape: { dim: shape.map((d) => (typeof d === "number" ? { dimValue: d } : { dimParam: d })) },
    },
  },
  ...(docString !== undefined && { docString }),
});

const repeated = (type: string, id: number) => ({ rule: "repeated", type, id });

/** The messages, as `protobuf.Root.fromJSON` takes them. */
export const messages = {
  nested: {
    ModelProto: {
      fields: {
        irVersion: { type: "int64", id: 1 },
        producerName: { type: "string", id: 2 },
        producerVersion: { type: "string", id: 3 },
        docString: { type: "string", id: 6 },
        graph: { type: "GraphProto", id: 7 },
        opsetImport: repeated("OperatorSetIdProto", 8),
        metadataProps: repeated("StringStringEntryProto", 14),
      },
    },
    OperatorSetIdProto: { fields: { domain: { type: "string", id: 1 }, version: { type: "int64", id: 2 } } },
    StringStringEntryProto: { fields: { key: { type: "string", id: 1 }, value: { type: "string", id: 2 } } },
    GraphProto: {
      fields: {
        node: repeated("NodeProto", 1),
        name: { type: "string", id: 2 },
        initializer: repeated("TensorProto", 5),
        docString: { type: "string", id: 10 },
        input: repeated("ValueInfoProto", 11),
        output: repeated("ValueInfoProto", 12),
      },
    },
    NodeProto: {
      fields: {
        input: repeated("string", 1),
        output: repeated("string", 2),
        name: { type: "string", id: 3 },
        opType: { type: "string", id: 4 },
        attribute: repeated("AttributeProto", 5),
      },
    },
    AttributeProto: {
      fields: {
        name: { type: "string", id: 1 },
        f: { type: "float", id: 2 },
        i: { type: "int64", id: 3 },
        s: { type: "bytes", id: 4 },
        g: { type: "GraphProto", id: 6 },
        ints: repeated("int64", 8),
        strings: repeated("bytes", 9),
        type: { type: "int32", id: 20 },
      },
    },
    TensorProto: {
      fields: {
        dims: repeated("int64", 1),
        dataType: { type: "int32", id: 2 },
        name: { type: "string", id: 8 },
        rawData: { type: "bytes", id: 9 },
      },
    },
    ValueInfoProto: {
      fields: {
        name: { type: "string", id: 1 },
        type: { type: "TypeProto", id: 2 },
        docString: { type: "string", id: 3 },
      },
    },
    TypeProto: { fields: { tensorType: { type: "TensorType", id: 1 } } },
    TensorType: { fields: { elemType: { type: "int32", id: 1 }, shape: { type: "TensorShapeProto", id: 2 } } },
    TensorShapeProto: { fields: { dim: repeated("Dimension", 1) } },
    Dimension: { fields: { dimValue: { type: "int64", id: 1 }, dimParam: { type: "string", id: 2 } } },
  },
} as const;
