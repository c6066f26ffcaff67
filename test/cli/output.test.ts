import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { createOutput, formatCount, formatSeconds, type OutputOptions, tableLines } from "../../cli/output.ts";

class Memory extends Writable {
  text = "";
  readonly isTTY: boolean;

  constructor(isTTY = false) {
    super();
    this.isTTY = isTTY;
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

function open(options: Partial<OutputOptions> = {}, tty = false) {
  const stdout = new Memory(tty);
  const stderr = new Memory(tty);
  return {
    stdout,
    stderr,
    output: createOutput({ json: false, color: true, environment: {}, stdout, stderr, ...options }),
  };
}

describe("words and documents", () => {
  test("without --json words and products go to stdout and documents nowhere", () => {
    const { stdout, stderr, output } = open();
    output.say("hello");
    output.print("kernel");
    output.result({ a: 1 });
    expect(stdout.text).toBe("hello\nkernel\n");
    expect(stderr.text).toBe("");
  });

  test("with --json stdout is one document and the words go to stderr", () => {
    const { stdout, stderr, output } = open({ json: true });
    output.say("hello");
    output.print("kernel");
    output.table(["name"], [["x"]]);
    output.result({ a: [1] });
    expect(JSON.parse(stdout.text)).toEqual({ a: [1] });
    expect(stderr.text).toBe("hello\nname\nx\n");
    expect(() => output.result({})).toThrow("two JSON documents");
  });

  test("warnings go to stderr", () => {
    const { stdout, stderr, output } = open();
    output.warn("careful");
    expect([stdout.text, stderr.text]).toEqual(["", "careful\n"]);
  });
});

describe("colours", () => {
  const coloured = (options: Partial<OutputOptions>, tty: boolean) => open(options, tty).output.colors.red("x") !== "x";
  test("appear on a terminal only, and not with NO_COLOR, --no-color or a dumb terminal", () => {
    expect(coloured({}, true)).toBe(true);
    expect(coloured({}, false)).toBe(false);
    expect(coloured({ environment: { NO_COLOR: "1" } }, true)).toBe(false);
    expect(coloured({ environment: { NO_COLOR: "" } }, true)).toBe(true);
    expect(coloured({ environment: { TERM: "dumb" } }, true)).toBe(false);
    expect(coloured({ color: false }, true)).toBe(false);
    expect(coloured({ environment: { FORCE_COLOR: "1" } }, false)).toBe(true);
    expect(coloured({ environment: { FORCE_COLOR: "1", NO_COLOR: "1" } }, false)).toBe(false);
  });
});

describe("progress", () => {
  test("without a terminal is a line every few seconds and one at the end, with rate and time left", () => {
    let time = 0;
    const { stdout, stderr, output } = open({ now: () => time });
    const progress = output.progress(100, "steps");
    for (let done = 1; done <= 100; done++) {
      time += 100;
      progress.update(done, `loss ${done}`);
    }
    progress.stop();
    expect(stdout.text).toBe("");
    expect(stderr.text.split("\n")).toEqual([
      "50%  50/100 steps  10/s  5s left  loss 50",
      "100%  100/100 steps  10/s  0s left  loss 100",
      "",
    ]);
  });

  test("on a terminal is a bar on stderr that is cleared, with words above it", () => {
    const { stdout, stderr, output } = open({}, true);
    const progress = output.progress(4, "steps");
    progress.update(2, "loss 1");
    progress.interject("epoch 1");
    progress.update(4);
    progress.stop();
    expect(stdout.text).toBe("");
    expect(stderr.text).toContain("0/4 steps");
    expect(stderr.text).toContain("epoch 1\n");
  });
});

describe("formats", () => {
  test("a table aligns words left and numbers right", () => {
    expect(
      tableLines(
        ["name", "size"],
        [
          ["Wx", 11200],
          ["b", 4],
        ],
      ),
    ).toEqual(["name    size", "Wx    11,200", "b          4"]);
    expect(
      tableLines(
        ["name", "size"],
        [
          ["h", "none"],
          ["xx", 4],
        ],
      ),
    ).toEqual(["name  size", "h     none", "xx    4"]);
    expect(tableLines(["name"], [])).toEqual(["name"]);
  });

  test("counts have commas, fractions four digits, durations units", () => {
    expect([1234567, 0.123456, -3].map(formatCount)).toEqual(["1,234,567", "0.1235", "-3"]);
    expect([0, 59.4, 75, 3725].map(formatSeconds)).toEqual(["0s", "59s", "1m15s", "1h02m"]);
  });
});
