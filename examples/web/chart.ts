/** A line chart in SVG, drawn by hand: a few lines over the steps of training. */

/** A line of a chart. */
export interface Line {
  readonly name: string;
  /** `light` for what is noisy, `strong` for what is to be read. */
  readonly style: "light" | "strong";
}

/** What a chart shows. */
export interface ChartOptions {
  readonly title: string;
  readonly lines: readonly Line[];
  /** The top of the vertical axis, which grows if a number is higher. */
  readonly top: number;
  readonly ticks: number;
  readonly format: (value: number) => string;
}

/** The step and the number there. */
export type Point = readonly [step: number, value: number];

const svgSpace = "http://www.w3.org/2000/svg";
/** Room for the labels, in pixels. */
const margin = { top: 10, right: 12, bottom: 38, left: 46 };
const height = 210;
/** The least width of the label of a step, in pixels. */
const labelWidth = 64;

export class Chart {
  readonly #options: ChartOptions;
  readonly #svg: SVGSVGElement;
  #lines: readonly (readonly Point[])[] = [];
  #end = 1;

  /** Draws into `host`, and again whenever its width changes. */
  constructor(host: HTMLElement, options: ChartOptions) {
    this.#options = options;
    const caption = document.createElement("figcaption");
    const title = document.createElement("strong");
    title.textContent = options.title;
    caption.append(title);
    for (const { name, style } of options.lines) {
      const key = document.createElement("span");
      key.className = `key ${style}`;
      key.textContent = name;
      caption.append(key);
    }
    this.#svg = document.createElementNS(svgSpace, "svg");
    this.#svg.setAttribute("role", "img");
    host.append(caption, this.#svg);
    new ResizeObserver(() => this.#draw()).observe(host);
  }

  /** Shows other numbers, a list of points for each line, over the steps from 0 to `end`. */
  show(lines: readonly (readonly Point[])[], end: number): void {
    this.#lines = lines;
    this.#end = end;
    this.#draw();
  }

  #draw(): void {
    const { lines: names, title, ticks, format } = this.#options;
    const width = this.#svg.parentElement?.clientWidth ?? 0;
    if (width === 0) return;
    const highest = Math.max(this.#options.top, ...this.#lines.flat().map(([, value]) => value));
    const [right, bottom] = [width - margin.right, height - margin.bottom];
    const xOf = (step: number): number => margin.left + (step / this.#end) * (right - margin.left);
    const yOf = (value: number): number => bottom - (value / highest) * (bottom - margin.top);

    const parts: SVGElement[] = [];
    for (let tick = 0; tick <= ticks; tick++) {
      const value = (tick / ticks) * highest;
      const y = yOf(value);
      parts.push(shape("line", { x1: margin.left, x2: right, y1: y, y2: y, class: tick === 0 ? "axis" : "grid" }));
      parts.push(text(format(value), { x: margin.left - 8, y: y + 4, "text-anchor": "end" }));
    }
    const every = stepsBetweenTicks(this.#end, Math.floor((right - margin.left) / labelWidth));
    for (let step = 0; step <= this.#end; step += every) {
      const anchor = step === this.#end ? "end" : "middle";
      parts.push(
        text(String(step), { x: xOf(step) + (anchor === "end" ? 4 : 0), y: bottom + 18, "text-anchor": anchor }),
      );
    }
    parts.push(text("training steps", { x: (margin.left + right) / 2, y: height - 4, "text-anchor": "middle" }));
    for (const [i, points] of this.#lines.entries()) {
      const path = points.map(([step, value]) => `${xOf(step).toFixed(1)},${yOf(value).toFixed(1)}`).join(" ");
      parts.push(shape("polyline", { points: path, class: `line ${names[i].style}` }));
      const last = points.at(-1);
      if (names[i].style !== "strong" || last === undefined) continue;
      parts.push(shape("circle", { cx: xOf(last[0]), cy: yOf(last[1]), r: 4, class: "last" }));
    }
    this.#svg.setAttribute("width", String(width));
    this.#svg.setAttribute("height", String(height));
    this.#svg.setAttribute("aria-label", `${title} over the training steps. ${this.#summary()}`);
    this.#svg.replaceChildren(...parts);
  }

  #summary(): string {
    const said = this.#options.lines.flatMap(({ name }, i) => {
      const last = this.#lines[i]?.at(-1);
      return last === undefined ? [] : [`${name}: ${this.#options.format(last[1])} at step ${last[0]}.`];
    });
    return said.length > 0 ? said.join(" ") : "There are no numbers yet.";
  }
}

/** A round number of steps, so that at most `most` labels fit. */
function stepsBetweenTicks(end: number, most: number): number {
  for (let unit = 50; ; unit *= 10) {
    for (const every of [unit, 2 * unit, 5 * unit]) if (end / every <= most) return every;
  }
}

function shape(name: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const made = document.createElementNS(svgSpace, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

function text(content: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const made = shape("text", attributes);
  made.textContent = content;
  return made;
}
