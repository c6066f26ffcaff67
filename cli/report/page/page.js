// @ts-check
/**
 * What a report's page does: sorts and filters its table, puts two rows side by side, redraws its charts, changes its colours.
 *
 * @import { PageData, RowState } from "./page-data.ts"
 */
(() => {
  /**
   * What the page has for certain.
   *
   * @template {Element} T
   * @param {string} id
   * @param {new () => T} kind
   * @returns {T}
   */
  const known = (id, kind) => {
    const found = document.getElementById(id);
    if (found instanceof kind) return found;
    throw new Error(`the page has no ${id}`);
  };

  /** @type {PageData} */
  const data = JSON.parse(known("data", HTMLScriptElement).textContent ?? "");
  const table = known("rows", HTMLTableElement);
  const body = table.tBodies[0];
  const rows = [...body.rows];
  /**
   * Numbers of the rows to put side by side, the older one first.
   *
   * @type {number[]}
   */
  let chosen = [];
  /** @type {number | undefined} */
  let under;

  /** @param {HTMLTableRowElement} row */
  const numberOf = (row) => Number(row.dataset.row);

  // Sorting. A second click turns the order round; what has no value stays at the end.
  const headers = [...(table.tHead?.rows[0].cells ?? [])].filter((cell) => cell.dataset.column !== undefined);
  /** @param {HTMLTableCellElement} header */
  const sortBy = (header) => {
    const { keys } = data.columns[Number(header.dataset.column)];
    const down = header.getAttribute("aria-sort") === "ascending";
    const sign = down ? -1 : 1;
    /**
     * @param {HTMLTableRowElement} a
     * @param {HTMLTableRowElement} b
     */
    const compared = (a, b) => {
      const [first, second] = [keys[numberOf(a)], keys[numberOf(b)]];
      if (first === null || second === null) return Number(first === null) - Number(second === null);
      if (typeof first === "number" && typeof second === "number") return sign * (first - second);
      return sign * String(first).localeCompare(String(second), "en", { numeric: true });
    };
    for (const other of headers) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...rows.sort((a, b) => compared(a, b) || numberOf(a) - numberOf(b)));
  };
  for (const header of headers) header.querySelector("button")?.addEventListener("click", () => sortBy(header));

  // Filtering.
  /** @type {readonly (HTMLInputElement | HTMLSelectElement)[]} */
  const filters = [...document.querySelectorAll("[data-filter]")].filter(
    (one) => one instanceof HTMLInputElement || one instanceof HTMLSelectElement,
  );
  /** @param {HTMLTableRowElement} row */
  const passes = (row) => {
    const { facets, statuses } = data.rows[numberOf(row)];
    return filters.every(({ dataset, value }) => {
      if (value === "") return true;
      if (dataset.filter === "text") {
        const text = (row.textContent ?? "").toLowerCase();
        return value
          .toLowerCase()
          .split(/\s+/)
          .every((word) => text.includes(word));
      }
      if (dataset.filter === "status") return statuses.includes(value);
      return facets[dataset.facet ?? ""] === value;
    });
  };
  const count = document.getElementById("count");
  const filter = () => {
    for (const row of rows) row.hidden = !passes(row);
    const left = rows.filter((row) => !row.hidden).length;
    if (count !== null) count.textContent = left === rows.length ? `${left} rows` : `${left} of ${rows.length} rows`;
    draw();
  };
  for (const one of filters) one.addEventListener("input", filter);

  // Charts.
  const hidden = () => new Set(rows.filter((row) => row.hidden).map(numberOf));
  const draw = () => {
    const gone = hidden();
    const strong = under === undefined ? chosen : [...chosen, under];
    /**
     * @param {number} row
     * @returns {RowState}
     */
    const state = (row) => {
      if (gone.has(row)) return "hidden";
      if (strong.length === 0) return "plain";
      return strong.includes(row) ? "strong" : "faint";
    };
    data.charts.forEach((chart, at) => void window.reportCharts.lines(known(`chart-${at}`, HTMLElement), chart, state));
    const effects = document.getElementById("effects");
    if (effects !== null && data.effects !== undefined) window.reportCharts.intervals(effects, data.effects);
  };
  let asked = false;
  const redraw = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    redraw();
  });
  for (const row of rows) {
    row.addEventListener("pointerenter", () => {
      under = numberOf(row);
      redraw();
    });
    row.addEventListener("pointerleave", () => {
      under = undefined;
      redraw();
    });
  }

  // Two rows side by side.
  const pair = known("pair", HTMLElement);
  /**
   * @param {"td" | "th"} name
   * @param {string} text
   */
  const cell = (name, text) => {
    const element = document.createElement(name);
    element.textContent = text;
    return element;
  };
  const showPair = () => {
    pair.hidden = chosen.length < 2;
    if (pair.hidden) return;
    /**
     * @param {string} title
     * @param {readonly string[]} values
     */
    const line = (title, values) => {
      const row = document.createElement("tr");
      const head = cell("th", title);
      head.scope = "row";
      row.append(head, ...values.map((text) => cell("td", text)));
      return row;
    };
    const head = line("", []);
    head.replaceChildren(
      cell("td", ""),
      ...chosen.map((at) => {
        const title = cell("th", data.rows[at].name);
        title.scope = "col";
        return title;
      }),
    );
    const lines = data.columns.map(({ title, texts }) =>
      line(
        title,
        chosen.map((at) => texts[at]),
      ),
    );
    const details = chosen.map((at) => new Map((data.rows[at].details ?? []).map(({ title, text }) => [title, text])));
    for (const title of new Set(details.flatMap((own) => [...own.keys()])))
      lines.push(
        line(
          title,
          details.map((own) => own.get(title) ?? "–"),
        ),
      );
    const notes = chosen.map((at) => data.rows[at].note ?? "");
    if (notes.some((note) => note !== "")) lines.push(line("warnings", notes));
    const [thead, tbody] = ["thead", "tbody"].map((name) => document.createElement(name));
    thead.append(head);
    tbody.append(...lines);
    pair.querySelector("table")?.replaceChildren(thead, tbody);
  };
  for (const row of rows) {
    const box = row.querySelector("input");
    box?.addEventListener("change", () => {
      const at = numberOf(row);
      chosen = chosen.filter((other) => other !== at);
      if (box.checked) chosen.push(at);
      // A third one takes the place of the oldest.
      for (const old of chosen.slice(0, -2)) {
        const other = rows.find((other) => numberOf(other) === old)?.querySelector("input");
        if (other) other.checked = false;
      }
      chosen = chosen.slice(-2);
      showPair();
      draw();
    });
  }

  // Light and dark.
  const theme = known("theme", HTMLButtonElement);
  const isDark = () => {
    const { theme: set } = document.documentElement.dataset;
    return set === undefined ? matchMedia("(prefers-color-scheme: dark)").matches : set === "dark";
  };
  const nameTheme = () => {
    theme.textContent = isDark() ? "Light colours" : "Dark colours";
  };
  theme.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    nameTheme();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameTheme);
  nameTheme();
  theme.hidden = false;

  const copy = document.getElementById("copy");
  copy?.addEventListener("click", async () => {
    const code = known("command", HTMLElement);
    try {
      await navigator.clipboard.writeText(code.textContent ?? "");
      copy.textContent = "Copied";
    } catch {
      // A page that is a file may not write there: the text is marked for Ctrl-C instead.
      getSelection()?.selectAllChildren(code);
      copy.textContent = "Press Ctrl-C";
    }
  });
  filter();
})();
