/** Starts the service: `node serve.js CHECKPOINT [PORT]`. It listens on this machine only, and stops by Ctrl+C or SIGTERM. */
import { readFile } from "node:fs/promises";
import { streamService } from "./stream-service.js";
import { waves } from "./waves-stream.js";

/** Milliseconds that streams have to end by themselves when the service stops. */
const grace = 2000;

const [checkpoint, port = "8080"] = process.argv.slice(2);
if (checkpoint === undefined || !/^\d{1,5}$/.test(port)) {
  console.error("usage: node serve.js CHECKPOINT [PORT]");
  process.exit(2);
}

const model = await waves.open();
try {
  await model.loadCheckpoint(await readFile(checkpoint));
} catch (error) {
  console.error(`${checkpoint}: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

const server = streamService(model);
server.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
server.listen(Number(port), "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object") console.log(`listening on http://127.0.0.1:${address?.port}/stream`);
});

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    server.close(() => model.close());
    setTimeout(() => server.closeAllConnections(), grace).unref();
  });
}
