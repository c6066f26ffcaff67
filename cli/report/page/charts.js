// @ts-check
/**
 * Draws the charts of a report: axes fitted to the data, values under the pointer. A plain script, inlined into the page.
 *
 * @import { Chart, ChartLine, ReportCharts, RowState } from "./page-data.ts"
 */
window.reportCharts = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const HEIGHT = 260;
  const MARGIN = { left: 58, right: 14, top: 26, bottom: 42 };
  /** Pixels from the pointer within which a point is meant. */
  const REACH = 48;

  /**
   * @template {keyof SVGElementTagNameMap} N
   * @param {N} name
   * @param {Readonly<Record<string, string | number>>} attributes
   * @param {string} [text]
   */
  const make = (name, attributes, text) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
    if (text !== undefined) element.textContent = text;
    return element;
  };

  /**
   * Numbers with four digits, percentages with three.
   *
   * @param {number} value
   * @param {Chart["yFormat"]} [format]
   */
  const shown = (value, format) => {
    if (format === "percent") return `${Number((100 * value).toPrecision(4))} %`;
    if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)) return value.toExponential(2);
    return Number(value.toPrecision(4)).toLocaleString("en-US", { maximumFractionDigits: 8 });
  };

  /**
   * Round numbers between `low` and `high`, about `count` of them.
   *
   * @param {number} low
   * @param {number} high
   * @param {number} count
   */
  const ticksOf = (low, high, count) => {
    const raw = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = ([1, 2, 5].find((factor) => factor * power >= 0.75 * raw) ?? 10) * power;
    /** @type {number[]} */
    const ticks = [];
    for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at++) ticks.push(at * step);
    return ticks;
  };

  /**
   * @param {number} low
   * @param {number} high
   */
  const powersOf = (low, high) => {
    const from = Math.ceil(Math.log10(low) - 1e-9);
    const to = Math.floor(Math.log10(high) + 1e-9);
    const stride = Math.max(1, Math.ceil((to - from + 1) / 6));
    /** @type {number[]} */
    const powers = [];
    for (let power = from; power <= to; power += stride) powers.push(10 ** power);
    if (powers.length > 2) return powers;
    // Within a few powers of ten, their halves and fifths, too; within less than one, evenly spaced numbers.
    /** @type {number[]} */
    const parts = [];
    for (let power = from - 1; power <= to; power++) for (const part of [1, 2, 5]) parts.push(part * 10 ** power);
    const inside = parts.filter((tick) => tick >= low && tick <= high);
    return inside.length > 2 ? inside : ticksOf(low, high, 4);
  };

  /** @typedef {{ at: (value: number) => number, ticks: readonly number[], low: number, high: number }} Scale */

  /**
   * A scale that is fitted to the values, with a little room on both sides.
   *
   * @param {readonly number[]} values
   * @param {Chart["xKind"] | Chart["yKind"] | "free"} kind
   * @param {number} from
   * @param {number} to
   * @param {number} count
   * @param {Chart["yFormat"]} [format]
   * @returns {Scale}
   */
  const scaleOf = (values, kind, from, to, count, format) => {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
    const log = kind === "log" && low > 0;
    /** @param {number} value */
    const into = (value) => (log ? Math.log10(value) : value);
    /** @param {number} value */
    const back = (value) => (log ? 10 ** value : value);
    [low, high] = [into(low), into(high)];
    const room = high > low ? (high - low) * 0.05 : Math.abs(high) * 0.1 || 1;
    if (kind === "exact") high = high > low ? high : low + 1;
    else [low, high] = [low - room, high + room];
    // A share is never below none or above all.
    if (format === "percent" && kind !== "free") [low, high] = [Math.max(0, low), Math.min(1, high)];
    /** @param {number} value */
    const at = (value) => from + ((into(value) - low) / (high - low)) * (to - from);
    const ticks = log ? powersOf(back(low), back(high)) : ticksOf(low, high, count);
    return { at, ticks, low: back(low), high: back(high) };
  };

  /** @param {number | undefined} colour */
  const colourOf = (colour) => (colour === undefined ? "var(--pale)" : `var(--c${colour})`);

  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true");
  /**
   * @param {PointerEvent} event
   * @param {string} text
   */
  const showTip = (event, text) => {
    if (!tip.isConnected) document.body.append(tip);
    tip.textContent = text;
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    const left = Math.min(event.clientX + 14, window.innerWidth - width - 6);
    const above = event.clientY - height - 12;
    tip.style.left = `${Math.max(6, left)}px`;
    tip.style.top = `${above > 4 ? above : event.clientY + 18}px`;
  };
  const hideTip = () => {
    tip.hidden = true;
  };

  /**
   * @param {HTMLElement} figure
   * @param {string} name
   * @param {number} height
   */
  const frame = (figure, name, height) => {
    const width = Math.max(240, figure.clientWidth);
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label": name });
    figure.replaceChildren(svg);
    return { svg, width };
  };

  /**
   * @param {SVGElement} svg
   * @param {Chart} chart
   * @param {Scale} x
   * @param {Scale} y
   * @param {number} width
   */
  const axes = (svg, chart, x, y, width) => {
    const bottom = HEIGHT - MARGIN.bottom;
    for (const tick of y.ticks) {
      svg.append(
        make("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y.at(tick), y2: y.at(tick) }),
      );
      svg.append(
        make("text", { x: MARGIN.left - 8, y: y.at(tick) + 4, "text-anchor": "end" }, shown(tick, chart.yFormat)),
      );
    }
    for (const tick of x.ticks)
      svg.append(make("text", { x: x.at(tick), y: bottom + 18, "text-anchor": "middle" }, shown(tick)));
    svg.append(
      make("line", { class: "zero", x1: MARGIN.left, x2: width - MARGIN.right, y1: bottom, y2: bottom }),
      make("text", { x: 0, y: 14, class: "label" }, chart.yLabel),
      make(
        "text",
        { x: (MARGIN.left + width - MARGIN.right) / 2, y: HEIGHT - 6, "text-anchor": "middle" },
        chart.xLabel,
      ),
    );
  };

  /** @type {ReportCharts["lines"]} */
  const lines = (figure, chart, state) => {
    const { svg, width } = frame(figure, chart.title, HEIGHT);
    const drawn = chart.lines.filter(({ row }) => state(row) !== "hidden");
    /** @param {"x" | "y"} key */
    const all = (key) => drawn.flatMap((line) => line[key]);
    const rule = chart.rule;
    const xs = all("x");
    if (xs.length === 0) {
      svg.append(make("text", { x: width / 2, y: HEIGHT / 2, "text-anchor": "middle" }, "nothing to show"));
      return;
    }
    const across = Math.max(2, Math.floor((width - MARGIN.left) / 90));
    const x = scaleOf(xs, chart.xKind, MARGIN.left, width - MARGIN.right, across);
    const ys = [...all("y"), ...(rule === undefined ? [] : [rule.value])];
    const y = scaleOf(ys, chart.yKind, HEIGHT - MARGIN.bottom, MARGIN.top, 5, chart.yFormat);
    axes(svg, chart, x, y, width);
    if (rule !== undefined)
      svg.append(
        make("line", {
          class: "rule",
          x1: MARGIN.left,
          x2: width - MARGIN.right,
          y1: y.at(rule.value),
          y2: y.at(rule.value),
        }),
        make("text", { x: width - MARGIN.right, y: y.at(rule.value) - 5, "text-anchor": "end" }, rule.label),
      );
    /** @type {Readonly<Record<RowState, number>>} */
    const order = { hidden: 0, faint: 0, plain: 1, strong: 2 };
    const sorted = [...drawn].sort(
      (a, b) =>
        order[state(a.row)] - order[state(b.row)] || Number(b.colour === undefined) - Number(a.colour === undefined),
    );
    /** @typedef {{ left: number, top: number, line: ChartLine, at: number, faint: boolean }} Point */
    /** @type {Point[]} */
    const points = [];
    for (const line of sorted) {
      const group = make("g", { class: state(line.row), "data-row": line.row });
      const stroke = colourOf(line.colour);
      const places = line.x.map((value, at) => /** @type {const} */ ([x.at(value), y.at(line.y[at])]));
      const path = places
        .map(([left, top], at) => `${at === 0 ? "M" : "L"}${left.toFixed(1)},${top.toFixed(1)}`)
        .join("");
      if (places.length > 1) group.append(make("path", { class: "curve", d: path, style: `stroke: ${stroke}` }));
      if (chart.dots || places.length === 1)
        for (const [cx, cy] of places)
          group.append(make("circle", { cx, cy, r: chart.dots === "large" ? 5 : 2.75, style: `fill: ${stroke}` }));
      svg.append(group);
      places.forEach(
        ([left, top], at) => void points.push({ left, top, line, at, faint: state(line.row) === "faint" }),
      );
    }
    const mark = make("circle", { r: 5, fill: "none", stroke: "var(--ink)", "stroke-width": 2, visibility: "hidden" });
    svg.append(mark);
    const leave = () => {
      mark.setAttribute("visibility", "hidden");
      hideTip();
    };
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const [left, top] = [event.clientX - box.left, event.clientY - box.top];
      /** @param {Point} point */
      const distance = (point) => Math.hypot(point.left - left, point.top - top) + (point.faint ? REACH / 2 : 0);
      /** @type {Point | undefined} */
      let nearest;
      for (const point of points) if (nearest === undefined || distance(point) < distance(nearest)) nearest = point;
      if (nearest === undefined || distance(nearest) > REACH) return leave();
      mark.setAttribute("cx", String(nearest.left));
      mark.setAttribute("cy", String(nearest.top));
      mark.setAttribute("visibility", "visible");
      const { line, at } = nearest;
      const value = `${chart.yLabel}: ${shown(line.y[at], chart.yFormat)}`;
      showTip(event, `${line.label}\n${chart.xLabel}: ${shown(line.x[at])}\n${value}`);
    });
    svg.addEventListener("pointerleave", leave);
  };

  const ROW = 26;

  /** @type {ReportCharts["intervals"]} */
  const intervals = (figure, { title, xLabel, format, better, groups }) => {
    const rows = groups.flatMap(({ items }) => items);
    const narrow = figure.clientWidth < 480;
    const top = 10;
    const height = top + groups.length * ROW + rows.length * (narrow ? ROW * 1.7 : ROW) + 48;
    const { svg, width } = frame(figure, title, height);
    const longest = Math.max(...rows.map(({ label }) => label.length));
    const left = narrow ? 14 : Math.min(width / 2.5, Math.max(120, 24 + longest * 7));
    const bounds = rows.flatMap(({ mean, interval }) => [mean, ...(interval ?? [])]);
    const x = scaleOf([0, ...bounds], "free", left, width - 20, narrow ? 4 : 6, format);
    const bottom = height - 40;
    for (const tick of x.ticks)
      svg.append(
        make("line", {
          class: Math.abs(tick) < 1e-12 ? "zero" : "grid",
          x1: x.at(tick),
          x2: x.at(tick),
          y1: top,
          y2: bottom,
        }),
        make("text", { x: x.at(tick), y: bottom + 16, "text-anchor": "middle" }, shown(tick, format)),
      );
    svg.append(
      make(
        "text",
        { x: (left + width - 20) / 2, y: height - 6, "text-anchor": "middle" },
        `${xLabel} (${better === "max" ? "right" : "left"} is better)`,
      ),
    );
    let at = top;
    for (const { name, items } of groups) {
      at += ROW;
      svg.append(make("text", { x: 0, y: at - 8, class: "label", "font-weight": 600 }, name));
      for (const { label, mean, interval, words } of items) {
        if (narrow) {
          svg.append(make("text", { x: 14, y: at + 12 }, label));
          at += ROW * 0.7;
        }
        const middle = at + ROW / 2;
        at += ROW;
        if (!narrow) svg.append(make("text", { x: 14, y: middle + 4 }, label));
        const good = better === "max" ? mean > 0 : mean < 0;
        const clear = interval !== null && (interval[0] > 0 || interval[1] < 0);
        const colour = clear ? `var(--c${good ? 2 : 1})` : "var(--edge)";
        const group = make("g", {});
        if (interval !== null)
          group.append(
            make("line", {
              class: "range",
              x1: x.at(interval[0]),
              x2: x.at(interval[1]),
              y1: middle,
              y2: middle,
              style: `stroke: ${colour}`,
            }),
          );
        const fill = interval === null ? "var(--paper)" : colour;
        group.append(
          make("circle", {
            cx: x.at(mean),
            cy: middle,
            r: 5,
            style: `fill: ${fill}; stroke: ${colour}`,
            "stroke-width": 2,
          }),
          make("rect", { x: 0, y: middle - ROW / 2, width, height: ROW, fill: "transparent" }),
        );
        group.addEventListener("pointermove", (event) => showTip(event, `${name}, ${label}\n${words}`));
        group.addEventListener("pointerleave", hideTip);
        svg.append(group);
      }
    }
  };

  return { lines, intervals };
})();
