/** Turns the system's errors about files that the user named into messages with a catalogue code. */
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
  ELOOP: "its links go round in a circle",
  ENAMETOOLONG: "its name is too long",
  // Node's own codes: it refuses these before it asks the system.
  ERR_INVALID_ARG_VALUE: "no file can have such a name",
  ERR_FS_FILE_TOO_LARGE: "it is too large",
};

/** Returns C0401 for a file system error, and any other error unchanged. */
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

/** Returns C0409 for a file system error, and any other error unchanged. */
export function cannotWrite(path: string, error: unknown): unknown {
  const reason = reasonOf(error);
  if (reason === undefined) return error;
  return new Failure("C0409", exit.input, `cannot write ${path}: ${reason}`, "choose another folder, or make room");
}

function reasonOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  const code = String(error.code);
  if (Object.hasOwn(REASONS, code)) return REASONS[code];
  return "syscall" in error ? error.message : undefined;
}
