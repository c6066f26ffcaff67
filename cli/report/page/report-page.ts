/** A report as one HTML page without a network: an answer, a table to sort and filter, and charts with values under the pointer. */
import { readFileSync } from "node:fs";
import { blankDocument } from "../svg.ts";
import type { Chart, Column, EffectChart, PageData, ReportRow } from "./page-data.ts";

export interface ReportPage {
  readonly title: string;
  /** Under the title: task, sizes, settings. */
  readonly facts: readonly string[];
  readonly answer?: { readonly sentence: string; readonly notes: readonly string[]; readonly command?: string };
  readonly columns: readonly Column[];
  readonly rows: readonly ReportRow[];
  readonly effects?: EffectChart;
  readonly charts: readonly Chart[];
}

/** More rows than this scroll within the page. */
const TALL = 18;

const asset = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8");

type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;
type Child = string | Element;
type Maker = (name: string, attributes?: Attributes, ...children: readonly Child[]) => Element;

/** Returns the text of the page. */
export function reportPage(page: ReportPage): string {
  const { title, facts, answer, effects, charts } = page;
  const document = blankDocument();
  const make: Maker = (name, attributes = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes))
      if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : String(value));
    element.append(...children);
    return element;
  };
  document.documentElement.setAttribute("lang", "en");
  document.head.append(
    make("meta", { charset: "utf-8" }),
    make("meta", { name: "viewport", content: "width=device-width, initial-scale=1" }),
    make("title", {}, title),
    make("style", {}, asset("page.css")),
  );
  document.body.append(
    make(
      "header",
      {},
      make("h1", {}, title),
      make("button", { id: "theme", type: "button", hidden: true }, "Dark colours"),
    ),
    make(
      "main",
      {},
      ...(answer === undefined ? [] : [answerBox(make, answer)]),
      ...facts.map((fact) => make("p", { class: "quiet" }, fact)),
      make("h2", { id: "results-title" }, "Results"),
      ...filters(make, page),
      table(make, page),
      make(
        "section",
        { id: "pair", hidden: true, "aria-live": "polite" },
        make("h2", { id: "pair-title" }, "Side by side"),
        make(
          "div",
          { class: "wide", tabindex: 0, role: "region", "aria-labelledby": "pair-title" },
          make("table", { "aria-labelledby": "pair-title" }),
        ),
      ),
      ...(effects === undefined
        ? []
        : [
            make("h2", {}, effects.title),
            make("p", { class: "quiet" }, effects.words),
            make("figure", { id: "effects" }),
          ]),
      make(
        "div",
        { class: "charts" },
        ...charts.map((chart, at) =>
          make(
            "section",
            {},
            make("h2", {}, chart.title),
            make("p", { class: "quiet" }, chart.words),
            make("figure", { id: `chart-${at}` }),
          ),
        ),
      ),
    ),
    make("script", { type: "application/json", id: "data" }, dataOf(page)),
    make("script", {}, asset("charts.js")),
    make("script", {}, asset("page.js")),
  );
  return `<!doctype html>\n${document.documentElement.outerHTML}\n`;
}

/** What the script needs; undefined keys as null. No `<` can end the element around it. */
function dataOf({ columns, rows, effects, charts }: ReportPage): string {
  const known = columns.map(({ title, keys, texts }) => ({ title, texts, keys: keys.map((key) => key ?? null) }));
  const data: PageData = { columns: known, rows, ...(effects && { effects }), charts };
  return JSON.stringify(data).replaceAll("<", "\\u003c");
}

function answerBox(make: Maker, { sentence, notes, command }: NonNullable<ReportPage["answer"]>): Element {
  const copied =
    command === undefined
      ? []
      : [
          make(
            "div",
            { class: "command" },
            make("code", { id: "command" }, command),
            make("button", { id: "copy", type: "button" }, "Copy"),
          ),
        ];
  return make(
    "section",
    { class: "answer", "aria-label": "Conclusion" },
    make("p", { class: "sentence" }, sentence),
    ...notes.map((note) => make("p", {}, note)),
    ...copied,
  );
}

/** A text field, a list for each facet with several values, and a list of the statuses. */
function filters(make: Maker, { rows }: ReportPage): readonly Element[] {
  if (rows.length < 4) return [];
  const field = (title: string, name: string, attributes: Attributes, ...options: readonly Element[]): Element => {
    const id = `filter-${title.replaceAll(/[^\w.-]/g, "-")}`;
    return make("div", {}, make("label", { for: id }, title), make(name, { id, ...attributes }, ...options));
  };
  const select = (title: string, attributes: Attributes, values: readonly string[]): Element =>
    field(
      title,
      "select",
      attributes,
      make("option", { value: "" }, "all"),
      ...values.map((value) => make("option", { value }, value)),
    );
  const distinct = (values: readonly string[]): readonly string[] => [...new Set(values)];
  const facets = distinct(rows.flatMap(({ facets }) => Object.keys(facets)));
  const statuses = distinct(rows.flatMap((row) => row.statuses));
  return [
    make(
      "div",
      { class: "filters", role: "group", "aria-label": "Rows to show" },
      field("text", "input", { type: "search", "data-filter": "text" }),
      ...facets.flatMap((facet) => {
        const values = distinct(rows.flatMap((row) => row.facets[facet] ?? []));
        return values.length < 2 ? [] : [select(facet, { "data-filter": "facet", "data-facet": facet }, values)];
      }),
      ...(statuses.length < 2 ? [] : [select("status", { "data-filter": "status" }, statuses)]),
      make("span", { id: "count", class: "quiet", role: "status" }),
    ),
  ];
}

function table(make: Maker, { columns, rows }: ReportPage): Element {
  const kindOf = ({ numeric, title }: Column): string | undefined =>
    numeric ? "number" : title === "remarks" ? "words" : undefined;
  const header = make(
    "tr",
    {},
    make("th", { scope: "col" }, "compare"),
    ...columns.map((column, at) =>
      make(
        "th",
        { scope: "col", class: kindOf(column), "data-column": at },
        make("button", { type: "button" }, column.title),
      ),
    ),
  );
  const body = rows.map(({ name, colour, best, bare, note }, at) =>
    make(
      "tr",
      { "data-row": at, class: [...(best ? ["best"] : []), ...(bare ? ["bare"] : [])].join(" ") || undefined },
      make(
        "td",
        {},
        make("input", { type: "checkbox", "aria-label": `compare ${name}` }),
        make("span", { class: "swatch", style: `background: var(--${colour === undefined ? "pale" : `c${colour}`})` }),
      ),
      ...columns.map((column) =>
        make("td", { class: kindOf(column), title: column.title === "remarks" ? note : undefined }, column.texts[at]),
      ),
    ),
  );
  return make(
    "div",
    {
      class: rows.length > TALL ? "wide tall" : "wide",
      tabindex: 0,
      role: "region",
      "aria-labelledby": "results-title",
    },
    make("table", { id: "rows" }, make("thead", {}, header), make("tbody", {}, ...body)),
  );
}
