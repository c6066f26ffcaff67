import { exit, Failure } from "../failure.ts";

/** C0413: why weights cannot be taken over. */
export const cannotTakeOver = (why: string, help?: string): Failure => new Failure("C0413", exit.input, why, help);
