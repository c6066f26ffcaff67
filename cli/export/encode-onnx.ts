/** An ONNX model as the bytes of a file. */
import { type ModelProto, messages } from "../../targets/onnx/proto.ts";
import { protobuf } from "../protobuf.ts";

const modelProto = protobuf.Root.fromJSON(messages).lookupType("ModelProto");

/** The bytes of a `.onnx` file. */
export const encodeOnnx = (model: ModelProto): Uint8Array => modelProto.encode(model).finish();
