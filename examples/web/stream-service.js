/**
 * A service that reads waves while they happen. A client posts lists of heights, one a line, and gets a line back for each: what the
 * wave is so far. A request is a stream of its own, and as long as its client wants.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { RuntimeError, tensor } from "cellc/runtime";
import { kinds } from "./kinds.js";
import { dims } from "./waves-stream.js";

/** What a client may use. */
export const limits = {
  /** Characters in a line. */
  line: 256,
  /** Bytes in a request: some hundred thousand heights. */
  body: 2 ** 21,
  /** Streams at a time. */
  streams: 64,
  /** Milliseconds without a byte, in either direction, after which a connection is closed. */
  idle: 60_000,
};

/** What is wrong with a request, with the HTTP status that says so. */
class Refusal extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * The server, which does not listen yet.
 *
 * @param {import("./waves-stream.js").Model} model with its parameters loaded; it stays open when the server closes
 */
export function streamService(model) {
  let streams = 0;
  const server = createServer(async (request, response) => {
    try {
      if (request.url !== "/stream") throw new Refusal(404, "there is only /stream");
      if (request.method !== "POST") throw new Refusal(405, "post lists of numbers to /stream, one a line");
      if (streams >= limits.streams) throw new Refusal(503, `${streams} streams are open, and more are not served`);
      streams++;
      try {
        await answer(model, request, response);
      } finally {
        streams--;
      }
    } catch (error) {
      refuse(request, response, error);
    }
  });
  // A stream lasts as long as its client wants, but not in silence.
  server.requestTimeout = 0;
  server.timeout = limits.idle;
  return server;
}

/**
 * Runs one stream, a step for each line, until the client ends it.
 *
 * @param {import("./waves-stream.js").Model} model
 * @param {import("node:http").IncomingMessage} request
 * @param {import("node:http").ServerResponse} response
 */
async function answer(model, request, response) {
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const stream = await model.stream();
  for await (const line of linesOf(request)) {
    const { logits } = await stream.next({ x: tensor(numbersOf(line), [1, dims.D]) });
    if (!response.headersSent) startLines(response, 200);
    const isTaken = response.write(`${JSON.stringify({ step: stream.step, ...opinionOf(logits.data) })}\n`);
    // A client that does not read is not computed for.
    if (!isTaken) await once(response, "drain", { signal: gone.signal });
  }
  if (!response.headersSent) throw new Refusal(400, "the request has no numbers");
  response.end();
}

/**
 * The lines of a request that are not empty, as they arrive.
 *
 * @param {import("node:http").IncomingMessage} request
 */
async function* linesOf(request) {
  let [bytes, rest] = [0, ""];
  request.setEncoding("utf8");
  // Otherwise the connection would be closed with the loop, and no error could be sent.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += Buffer.byteLength(chunk);
    if (bytes > limits.body) throw new Refusal(413, `the request has more than ${limits.body} bytes`);
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    if ([...lines, rest].some(({ length }) => length > limits.line))
      throw new Refusal(413, `a line has more than ${limits.line} characters`);
    yield* lines.filter((line) => line.trim() !== "");
  }
  if (rest.trim() !== "") yield rest;
}

/**
 * The input of one step. The runtime refuses what is not finite, and other counts than it takes.
 *
 * @param {string} line
 */
function numbersOf(line) {
  /** @type {unknown} */
  let value;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Refusal(400, `not JSON: ${line}`);
  }
  if (Array.isArray(value) && value.every((item) => typeof item === "number")) return value;
  throw new Refusal(400, `not a list of numbers: ${line}`);
}

/**
 * The most probable kind, and how probable each is.
 *
 * @param {Float32Array} logits
 */
function opinionOf(logits) {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return {
    answer: kinds[logits.indexOf(largest)],
    probabilities: Object.fromEntries(kinds.map((kind, i) => [kind, rounded(powers[i] / sum)])),
  };
}

/**
 * More digits would only make lines longer.
 *
 * @param {number} probability
 */
const rounded = (probability) => Math.round(1e6 * probability) / 1e6;

/**
 * @param {import("node:http").ServerResponse} response
 * @param {number} status
 */
function startLines(response, status) {
  response.writeHead(status, { "content-type": "application/x-ndjson", "cache-control": "no-store" });
}

/**
 * Says what is wrong: as the whole answer, or as its last line if there are lines already.
 *
 * @param {import("node:http").IncomingMessage} request
 * @param {import("node:http").ServerResponse} response
 * @param {unknown} error
 */
function refuse(request, response, error) {
  if (response.destroyed) return;
  if (!response.headersSent) {
    response.setHeader("connection", "close");
    startLines(response, statusOf(error));
  }
  response.end(`${JSON.stringify({ error: described(error) })}\n`);
  // What the client still sends is not read; it has a second to read why.
  request.resume();
  setTimeout(() => request.destroy(), 1000).unref();
}

/** @param {unknown} error */
function statusOf(error) {
  if (error instanceof Refusal) return error.status;
  return error instanceof RuntimeError && error.code === "C0406" ? 400 : 500;
}

/** @param {unknown} error */
function described(error) {
  if (error instanceof RuntimeError) return { code: error.code, message: error.message, help: error.help };
  if (error instanceof Refusal) return { message: error.message };
  console.error(error);
  return { message: "the service failed" };
}
