import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { download } from "../../../cli/data/download.ts";
import { withFolder } from "../../data/mnist.ts";

const bytes = Buffer.from("four files of digits");
const sha256 = createHash("sha256").update(bytes).digest("hex");

async function withServer<T>(answer: RequestListener, use: (mirror: string) => Promise<T>): Promise<T> {
  const server = createServer(answer);
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  } finally {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  }
}

test("a download with the right digest lands in a folder that did not exist", () =>
  withFolder((folder) =>
    withServer(
      (_, response) => response.end(bytes),
      async (mirror) => {
        const to = join(folder, "deep/er/file.gz");
        expect(await download({ mirrors: [mirror], name: "file.gz", sha256, to })).toEqual([]);
        expect(await readFile(to)).toEqual(bytes);
        expect(await readdir(join(folder, "deep/er"))).toEqual(["file.gz"]);
      },
    ),
  ));

test("a mirror with other bytes, an error or nothing is left for the next one", () =>
  withFolder((folder) =>
    withServer(
      (request, response) => {
        if (request.url === "/bad/file.gz") response.end("something else");
        else if (request.url === "/gone/file.gz") response.writeHead(404).end();
        else if (request.url === "/good/file.gz") response.end(bytes);
      },
      async (mirror) => {
        const to = join(folder, "file.gz");
        const mirrors = ["bad/", "gone/", "silent/", "good/"].map((path) => `${mirror}${path}`);
        expect(await download({ mirrors, name: "file.gz", sha256, to, stall: 200 })).toEqual([]);
        expect(await readFile(to)).toEqual(bytes);
      },
    ),
  ));

test("when every mirror fails each is named with its reason and nothing is written", () =>
  withFolder((folder) =>
    withServer(
      (request, response) => {
        if (request.url === "/bad/f") response.end("something else");
        else if (request.url === "/gone/f") response.writeHead(404).end();
        else response.write("a part");
      },
      async (mirror) => {
        const mirrors = ["bad/", "gone/", "stalls/"].map((path) => `${mirror}${path}`);
        const failures = await download({ mirrors, name: "f", sha256, to: join(folder, "f"), stall: 200 });
        expect(failures).toHaveLength(3);
        expect(failures[0]).toMatch(/bad\/f: SHA-256 is [0-9a-f]{64}, want /);
        expect(failures[1]).toMatch(/gone\/f: HTTP 404/);
        expect(failures[2]).toMatch(/stalls\/f: nothing came for 0.2 s/);
        expect(await readdir(folder)).toEqual([]);
      },
    ),
  ));
