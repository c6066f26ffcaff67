/** Google's wire format. `npm run build` bundles its package into this file. */
export { default as protobuf } from "protobufjs/light.js";
