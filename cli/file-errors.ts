/** What the system says when a file that the user named cannot be read or written, in words and with a catalogue code. */
import { exit, Failure } from "./failure.ts";

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  ENOTDIR: "a file stands where a folder should",
  EEXIST: "a file stands where a folder should",
  EISDIR: "it is a folder",
  EACCES: "it is not allowed",
  EPERM: "it is not allowed",
  EROFS: "the file system can only be read",
  ENOSPC: "the disk is full",
};

/** C0401 for an error of the file system, anything else as it is. */
export function cannotRead(path: string, error: unknown): unknown {
  const reason = reasonOf(error);
  if (reason === undefined) return error;
  return new Failure(
    "C0401",
    exit.input,
    `cannot read ${path}: ${reason}`,
    "relative paths start at the current folder",
  );
}

/** C0409 for an error of the file system, anything else as it is. */
export function cannotWrite(path: string, error: unknown): unknown {
  const reason = reasonOf(error);
  if (reason === undefined) return error;
  return new Failure("C0409", exit.input, `cannot write ${path}: ${reason}`, "choose another folder, or make room");
}

function reasonOf(error: unknown): string | undefined {
  // Node refuses a name with a zero byte before the system sees it.
  if (error instanceof Error && "code" in error && error.code === "ERR_INVALID_ARG_VALUE")
    return "this cannot be the name of a file";
  if (!(error instanceof Error) || !("syscall" in error) || !("code" in error)) return undefined;
  return REASONS[String(error.code)] ?? error.message;
}
