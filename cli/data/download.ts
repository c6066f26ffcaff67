/** Downloads a public file whose SHA-256 is known. */
import { createHash } from "node:crypto";
import { writeAtomically } from "../report/files.ts";

export interface Download {
  /** Base addresses, tried in order; each ends with a slash. */
  readonly mirrors: readonly string[];
  readonly name: string;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Where the file goes. */
  readonly to: string;
  /** Give up on a mirror after this many milliseconds without data. */
  readonly stall?: number;
}

const DEFAULT_STALL = 20_000;

/**
 * Fetches the file from the first mirror that has it intact and writes it atomically to `to`. Returns [] on success. Otherwise it
 * writes nothing and returns a line for each mirror that says why it failed.
 */
export async function download(request: Download): Promise<readonly string[]> {
  const failures: string[] = [];
  for (const mirror of request.mirrors) {
    const url = new URL(request.name, mirror);
    try {
      const bytes = await fetchBytes(url, request.stall ?? DEFAULT_STALL);
      const digest = createHash("sha256").update(bytes).digest("hex");
      if (digest !== request.sha256) throw new Error(`SHA-256 is ${digest}, want ${request.sha256}`);
      await writeAtomically(request.to, bytes);
      return [];
    } catch (error) {
      failures.push(`${url.href}: ${reasonOf(error)}`);
    }
  }
  return failures;
}

async function fetchBytes(url: URL, stall: number): Promise<Uint8Array> {
  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const stillAlive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => abort.abort(new Error(`nothing came for ${stall / 1000} s`)), stall);
  };
  try {
    stillAlive();
    const response = await fetch(url, { signal: abort.signal, redirect: "follow" });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const parts: Uint8Array[] = [];
    if (response.body !== null) {
      for await (const part of response.body) {
        stillAlive();
        parts.push(part);
      }
    }
    return Buffer.concat(parts);
  } finally {
    clearTimeout(timer);
  }
}

/** `fetch` only says "fetch failed"; the useful message is in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message || error.cause.name : error.message;
}
