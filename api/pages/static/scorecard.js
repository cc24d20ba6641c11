// One grid's scorecard: total, ranks, items with their reasons, figures beside earlier periods; and what is behind them.

import {address, ask, button, data, element, fill, gradeChip, grouped, link, scorecardPath, word} from "./page.js";

export class Scorecard {
  constructor(section, dialog) {
    Object.assign(this, {section, dialog});
    this.body = section.querySelector(".body");
    this.files = section.querySelector(".files");
  }

  async show(level, code) {
    this.files.replaceChildren(
      link(word("download_xlsx"), address(scorecardPath(code), {level, format: "xlsx"})),
      link(word("download_html"), address(scorecardPath(code), {level, format: "html"})));
    this.files.lastChild.target = "_blank";
    await fill(this.body, async () => {
      const {document: card, texts} = await ask(scorecardPath(code), {level});
      return [this.head(card, texts), this.lines(card, texts), this.figures(card, texts)];
    });
  }

  head({subject, total, grade, rank}, texts) {
    const place = (scope) => element("span", "", element("dt", "", word(`rank_${scope}`)), element("dd", "", texts.ranks[scope]));
    const map = element("img", "sketch");
    map.src = address(scorecardPath(subject.code), {level: subject.level, format: "svg"});
    map.alt = "";
    map.addEventListener("error", () => map.remove());
    return element("div", "head", map,
      element("h3", "", subject.name[data.lang], element("small", "", `${texts.level} ${subject.code}`)),
      element("p", "score", element("b", "", total ? total.shown : word("no_data")), gradeChip(grade),
        element("span", "", grade ? data.grades[grade].title : null)),
      element("dl", "", ...["level", "siblings"].filter((scope) => rank[scope] && rank[scope].of > 1).map(place)),
      element("p", "reason", texts.total));
  }

  lines({subject, lines}, texts) {
    const rows = lines.map((line) => {
      const bar = element("i", "filled"), share = line.points ? Number(line.points.shown) / Number(line.maximum) : 0;
      bar.style.width = `${100 * share}%`;
      return element("li", "",
        element("div", "line", this.why(subject, line.item, line.title[data.lang]),
          element("span", "points", element("b", "", line.points ? line.points.shown : word("no_data")), ` / ${line.maximum}`)),
        element("div", "track", bar), element("p", "reason", texts.lines[line.item]));
    });
    return element("section", "", element("h4", "", word("lines")), element("ul", "lines", ...rows));
  }

  figures({subject}, texts) {
    const change = ({change, trend}) => {
      const node = element("td", trend || "", change);
      if (trend) node.title = word(trend === "better" ? "upward" : "downward");
      return node;
    };
    const rows = texts.figures.map((figure) => element("tr", "",
      element("th", "", this.why(subject, figure.name, figure.title)), element("td", "now", figure.now),
      ...figure.compared.flatMap((earlier) => [element("td", "then", earlier.then), change(earlier)])));
    const table = element("table", "figures",
      element("thead", "", element("tr", "", element("th"), element("th", "", word("now")),
        ...texts.comparisons.map((title) => Object.assign(element("th", "", title), {colSpan: 2})))),
      element("tbody", "", ...rows));
    return element("section", "", element("h4", "", word("figures")), element("div", "wide", table));
  }

  why(subject, item, title) {
    const node = button(title, () => this.explain(subject, item, title), "why");
    node.title = word("why", {name: title});
    return node;
  }

  // The rule in one sentence, and the numbers of the cases and samples behind each count.
  explain(subject, item, title) {
    document.getElementById("why-title").textContent = `${subject.name[data.lang]} · ${title}`;
    this.dialog.showModal();
    return fill(this.dialog.querySelector(".body"), async () => {
      const found = await ask("/v1/explain", {assessment: data.assessment, code: subject.code, level: subject.level, item});
      const parts = Object.values(found.evidence).map(({name, n, numbers}) => element("details", "",
        element("summary", "", word("behind", {name: name[data.lang], n: grouped(n)}),
          n > numbers.length ? word("behind_more", {shown: grouped(numbers.length)}) : null),
        n ? element("ol", "numbers", ...numbers.map((number) => element("li", "", number)))
          : element("p", "state", word("behind_none"))));
      if (parts.length) parts[0].open = true;
      return [element("p", "reason", found.text), ...parts];
    });
  }
}
