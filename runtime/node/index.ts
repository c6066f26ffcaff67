/** `cellc/runtime/node`: what an application needs besides of Node: checkpoints and compiled models on the disk. */
export { checkpointOf, readCheckpoint, writeCheckpoint } from "./checkpoint-file.ts";
export { openExecutable, openSession } from "./open-executable.ts";
