import { describe, expect, it } from "vitest";
import { interpret } from "../../compiler/ir/interpret.ts";
import { parseGraph } from "../../compiler/ir/parse-text.ts";
import { verify } from "../../compiler/ir/verify.ts";

const dims = { time: 3, batch: 2, H: 2, D: 3 };

function run(text: string, leaves: Record<string, number[]>): Record<string, { shape: number[]; data: number[] }> {
  const graph = parseGraph(text);
  verify(graph);
  const results = interpret(graph, { dims, leaf: (name) => leaves[name] });
  return Object.fromEntries([...results].map(([k, t]) => [k, { shape: [...t.shape], data: [...t.data] }]));
}

const decay = (direction: string): string => `graph decay {
  %x = leaf input "x" : f32[time, batch]
  %s0 = leaf input "s0" : f32[batch]
  %k = leaf hyper "k" : f32[]
  %s_T, %before, %after = scan${direction} (%s = %s0) over (%xt = %x) {
    %kept = mul %s, %k : f32[batch]
    %next = add %kept, %xt : f32[batch]
    yield %next; %s, %next
  } : f32[batch], f32[time, batch], f32[time, batch]
  result output "last" %s_T
  result output "before" %before
  result output "after" %after
}`;

describe("the interpreter", () => {
  const leaves = { x: [1, 10, 2, 20, 3, 30], s0: [8, 80], k: [0.5] };

  it("runs a scan from the first step to the last", () => {
    expect(run(decay(""), leaves)).toEqual({
      "output:last": { shape: [2], data: [5.25, 52.5] },
      "output:before": { shape: [3, 2], data: [8, 80, 5, 50, 4.5, 45] },
      "output:after": { shape: [3, 2], data: [5, 50, 4.5, 45, 5.25, 52.5] },
    });
  });

  it("runs a reverse scan from the last step to the first, outputs staying at their step", () => {
    expect(run(decay(" reverse"), leaves)).toEqual({
      "output:last": { shape: [2], data: [3.75, 37.5] },
      "output:before": { shape: [3, 2], data: [5.5, 55, 7, 70, 8, 80] },
      "output:after": { shape: [3, 2], data: [3.75, 37.5, 5.5, 55, 7, 70] },
    });
  });

  it("steps all states of a scan at once", () => {
    const text = `graph fibonacci {
      %x = leaf input "x" : f32[time]
      %0 = const 0 : f32[]
      %1 = const 1 : f32[]
      %a, %b, %as = scan (%p = %0, %q = %1) over (%xt = %x) {
        %r = add %p, %q : f32[]
        yield %q, %r; %p
      } : f32[], f32[], f32[time]
      result output "a" %a
      result output "as" %as
    }`;
    const found = run(text, { x: [0, 0, 0] });
    expect(found["output:a"].data).toEqual([2]);
    expect(found["output:as"].data).toEqual([0, 1, 1]);
  });

  it("runs a scan inside a scan's body on what the body makes", () => {
    const text = `graph nested {
      %x = leaf input "x" : f32[time]
      %0 = const 0 : f32[]
      %s = scan (%a = %0) over (%xt = %x) {
        %d = scan (%b = %xt) {
          %twice = add %b, %b : f32[]
          yield %twice
        } : f32[]
        %c = add %a, %d : f32[]
        yield %c
      } : f32[]
      result output "s" %s
    }`;
    expect(run(text, { x: [1, 2, 3] })["output:s"].data).toEqual([8 + 16 + 24]);
  });

  it("aligns operands by time and batch first and by features from the right", () => {
    const text = `graph align {
      %x = leaf input "x" : f32[time, H]
      %y = leaf input "y" : f32[batch, D, 1]
      %z = add %x, %y : f32[time, batch, D, H]
      result output "z" %z
    }`;
    const { shape, data } = run(text, { x: [100, 200, 300, 400, 500, 600], y: [1, 2, 3, 4, 5, 6] })["output:z"];
    expect(shape).toEqual([3, 2, 3, 2]);
    expect(data.slice(0, 12)).toEqual([101, 201, 102, 202, 103, 203, 104, 204, 105, 205, 106, 206]);
    expect(data.slice(30)).toEqual([504, 604, 505, 605, 506, 606].slice(0, 6));
  });

  it("takes per-step population statistics as one row a step, and multiplies constants by extents", () => {
    const text = `graph population {
      %m = leaf population "m" per_step(S) : f32[time, H]
      %n = const 0.5 * [batch, time, D + 2H] : f32[]
      %y = mul %m, %n : f32[time, H]
      result output "y" %y
    }`;
    expect(run(text, { m: [1, 2, 3, 4, 5, 6] })["output:y"].data).toEqual([21, 42, 63, 84, 105, 126]);
  });

  it("sums over examples and steps in a contraction", () => {
    const text = `graph outer {
      %x = leaf input "x" : f32[time, batch, H]
      %y = leaf input "y" : f32[time, batch, D]
      %w = dot %x, %y {m,n->mn; batch; time} : f32[H, D]
      result grad "w" %w
    }`;
    const x = Array.from({ length: 12 }, (_, i) => i + 1);
    const y = Array.from({ length: 18 }, (_, i) => (i * 7) % 5);
    const expected = [0, 1].flatMap((m) =>
      [0, 1, 2].map((n) => [0, 1, 2, 3, 4, 5].reduce((s, e) => s + x[e * 2 + m] * y[e * 3 + n], 0)),
    );
    expect(run(text, { x, y })["grad:w"].data).toEqual(expected);
  });

  it("names the leaf whose numbers do not fill its type", () => {
    const text = 'graph g {\n  %x = leaf input "x" : f32[batch, H]\n  result output "x" %x\n}';
    expect(() => run(text, { x: [1] })).toThrow('leaf input "x": expected 4 numbers, got 1');
  });
});
