/** Asks TypeScript's language server, as an editor does. */
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

interface Position {
  readonly line: number;
  readonly character: number;
}

interface Location {
  readonly uri: string;
  readonly range: { readonly start: Position };
}

interface Link {
  readonly targetUri: string;
  readonly targetSelectionRange: { readonly start: Position };
}

/** Where "go to definition" leads from a place in a file. Lines and columns are counted from 0. */
export async function goToDefinition(
  file: string,
  position: Position,
): Promise<readonly { readonly uri: string; readonly start: Position }[]> {
  const compiler = fileURLToPath(new URL("../bin/tsc", import.meta.resolve("typescript")));
  const server = spawn(process.execPath, [compiler, "--lsp", "--stdio"], { stdio: ["pipe", "pipe", "ignore"] });
  const waiting = new Map<number, (result: unknown) => void>();
  let received = Buffer.alloc(0);
  server.stdout.on("data", (part: Buffer) => {
    received = Buffer.concat([received, part]);
    for (;;) {
      const end = received.indexOf("\r\n\r\n");
      if (end < 0) return;
      const length = Number(/Content-Length: (\d+)/i.exec(received.subarray(0, end).toString())?.[1]);
      if (received.length < end + 4 + length) return;
      const message = JSON.parse(received.subarray(end + 4, end + 4 + length).toString());
      received = received.subarray(end + 4 + length);
      if (message.method !== undefined && message.id !== undefined) {
        // The server asks for settings, or to be told of changes: there are none.
        send({
          id: message.id,
          result: message.method === "workspace/configuration" ? [null, null, null, null] : null,
        });
      } else if (message.id !== undefined) waiting.get(message.id)?.(message.result);
    }
  });
  const send = (message: object): void => {
    const text = JSON.stringify({ jsonrpc: "2.0", ...message });
    server.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  };
  let requests = 0;
  const ask = (method: string, params: object): Promise<unknown> => {
    const id = ++requests;
    send({ id, method, params });
    return new Promise((resolve) => waiting.set(id, resolve));
  };
  const uri = pathToFileURL(file).href;
  try {
    await ask("initialize", {
      processId: process.pid,
      rootUri: pathToFileURL(dirname(file)).href,
      capabilities: {},
    });
    send({ method: "initialized", params: {} });
    const text = await readFile(file, "utf8");
    send({
      method: "textDocument/didOpen",
      params: { textDocument: { uri, languageId: "typescript", version: 1, text } },
    });
    const found = (await ask("textDocument/definition", { textDocument: { uri }, position })) as
      | Location
      | readonly (Location | Link)[]
      | null;
    const all =
      found === null ? [] : Array.isArray(found) ? (found as readonly (Location | Link)[]) : [found as Location];
    return all.map((place) =>
      "uri" in place
        ? { uri: place.uri, start: place.range.start }
        : { uri: place.targetUri, start: place.targetSelectionRange.start },
    );
  } finally {
    server.kill();
  }
}
