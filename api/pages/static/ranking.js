// The ranking of one level: sorted by any column, searched by name or code; a name opens its scorecard.

import {address, ask, button, data, element, fill, gradeChip, grouped, toneChip, word} from "./page.js";

const ROWS = 400;
const count = (name, title) => ({
  title, value: (row) => row.counts[name] ?? null, cell: (row) => (name in row.counts ? grouped(row.counts[name]) : "–"),
  used: (rows) => rows.some((row) => name in row.counts),
});
const COLUMNS = [
  {title: "rank", value: (row) => row.rank, up: true, cell: (row) => (row.rank === null ? "–" : grouped(row.rank)), name: "rank"},
  {title: "name", value: (row) => row.name[data.lang], up: true},
  {title: "total", value: (row) => (row.total === null ? null : Number(row.total)), name: "total",
    cell: (row) => row.total ?? word(row.status === "unscored" ? "unscored" : row.reason === "total_too_little" ? "too_little" : row.status === "incomplete" ? "open_total" : "no_data")},
  {title: "grade", value: (row) => row.grade, up: true, cell: (row) => gradeChip(row.grade)},
  count("n_reported", "reported"),
  count("n_overdue_open", "overdue"),
  {title: "missing", value: (row) => row.n_missing, cell: (row) => row.n_missing || "", used: (rows) => rows.some((row) => row.n_missing)},
  {title: "consequences", value: (row) => row.consequences.length, name: "reached",
    cell: (row) => element("span", "", ...row.consequences.map((found) => toneChip(found, found.undecided))),
    used: (rows) => rows.some((row) => row.consequences.length)},
];

export class Ranking {
  constructor(section, select) {
    Object.assign(this, {section, select, rows: [], columns: COLUMNS, sort: COLUMNS[0], up: true, code: null});
    this.path = `/v1/assessments/${encodeURIComponent(data.assessment)}/scorecards`;
    this.body = section.querySelector(".body");
    this.search = section.querySelector("input");
    this.search.addEventListener("input", () => this.draw());
    this.buttons = data.levels.map((level) => button(level.name, () => this.load(level.key)));
    section.querySelector(".levels").replaceChildren(...this.buttons);
  }

  async load(level) {
    this.level = level;
    this.buttons.forEach((node, i) => node.setAttribute("aria-pressed", data.levels[i].key === level));
    this.section.querySelector(".summary").href = address(this.path, {level, format: "xlsx"});
    await fill(this.body, async () => {
      this.rows = (await ask(this.path, {level})).rows;
      this.columns = COLUMNS.filter(({used}) => !used || used(this.rows));
      if (!this.columns.includes(this.sort)) [this.sort, this.up] = [COLUMNS[0], true];
      return [this.table()];
    });
    this.draw();
  }

  async best(level) {
    return (await ask(this.path, {level})).rows[0];
  }

  // Mark a subject's row, in its own level, and bring it into view.
  async mark(level, code) {
    this.code = code;
    if (level !== this.level) await this.load(level);
    else this.draw();
    const row = this.body.querySelector("[aria-current]");
    if (row) this.body.scrollTop = row.offsetTop - this.body.clientHeight / 2;
  }

  table() {
    const heads = this.columns.map((column) => {
      const head = element("th", "", button(word(column.title), () => this.order(column)));
      head.scope = "col";
      return head;
    });
    return element("table", "", element("thead", "", element("tr", "", ...heads)), element("tbody"));
  }

  order(column) {
    this.up = column === this.sort ? !this.up : Boolean(column.up);
    this.sort = column;
    this.draw();
  }

  // Rows that match the search, in order; what has no value stands last either way.
  shown() {
    const wanted = this.search.value.trim().toLowerCase(), {value} = this.sort, way = this.up ? 1 : -1;
    const found = this.rows.filter((row) => [row.name.zh, row.name.en, row.code].some((x) => x.toLowerCase().includes(wanted)));
    const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b, data.lang) : a - b);
    return found.sort((p, q) => {
      const a = value(p), b = value(q);
      if (a === null || b === null) return (a === null) - (b === null);
      return way * compare(a, b);
    });
  }

  draw() {
    const tbody = this.body.querySelector("tbody");
    if (!tbody) return;
    this.columns.forEach((column, i) => {
      const head = this.body.querySelectorAll("th")[i];
      if (column === this.sort) head.setAttribute("aria-sort", this.up ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
    const rows = this.shown(), part = rows.slice(0, ROWS);
    tbody.replaceChildren(...part.map((row) => this.row(row)));
    if (!rows.length) tbody.append(element("tr", "", element("td", "state", word("none_found"))));
    this.section.querySelector(".shown").textContent =
      word("shown", {n: grouped(part.length), of: grouped(this.rows.length)});
  }

  row(row) {
    const name = button(row.name[data.lang], () => this.select(row.level, row.code), "name");
    name.title = `${row.name[data.lang]} ${row.code}`;
    const node = element("tr", "", ...this.columns.map((column) =>
      element("td", column.name ?? "", column.cell ? column.cell(row) : name)));
    if (row.code === this.code) node.setAttribute("aria-current", "true");
    return node;
  }
}
