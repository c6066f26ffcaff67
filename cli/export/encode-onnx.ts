/** An ONNX model as the bytes of a file. */
import { type ModelProto, messages } from "../../targets/onnx/proto.ts";
import { protobuf } from "../protobuf.ts";

const modelProto = protobuf.Root.fromJSON(messages).lookupType("ModelProto");

export const encodeOnnx = (model: ModelProto): Uint8Array => modelProto.encode(model).finish();
