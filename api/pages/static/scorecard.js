// One subject's scorecard: total, ranks, what follows, what is missing, the score tree with its reasons, figures beside
// earlier periods; and what is behind them.

import {address, ask, button, data, element, fill, gradeChip, grouped, link, scorecardPath, toneChip, word} from "./page.js";

// What part of a road counts here by its length; exactly it is "0.5" or "1/3".
function part(exact) {
  if (exact === undefined) return null;
  const [top, bottom = 1] = exact.split("/");
  return element("small", "", ` ${(100 * top / bottom).toFixed(2)}%`);
}

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
      return [this.head(card, texts), this.missing(texts), this.consequences(card, texts),
        this.lines(card.subject, texts.lines, "lines"), this.lines(card.subject, texts.shown, "beside"),
        this.figures(card, texts)].filter(Boolean);
    });
  }

  head({subject, grade, chance}, texts) {
    const place = ({name, rank}) => element("span", "", element("dt", "", name), element("dd", "", rank));
    const named = grade && data.grades[grade] && data.grades[grade].short !== data.grades[grade].title;
    return element("div", "head", subject.kind === "grid" ? this.sketch(subject) : null,
      element("h3", "", subject.name[data.lang], element("small", "", `${texts.level} ${subject.code}`)),
      element("p", "score", element("b", "", texts.shown_total), gradeChip(grade),
        element("span", "", named ? data.grades[grade].title : null)),
      element("dl", "", ...texts.ranks.filter(({of}) => of > 1).map(place)),
      element("p", "reason", texts.total),
      chance && texts.chance ? element("p", "reason chance", element("b", "", word("chance")), ` ${texts.chance}`) : null,
      texts.exempted ? element("p", "reason", `${word("exempted")} ${texts.exempted}`) : null);
  }

  sketch(subject) {
    const map = element("img", "sketch");
    map.src = address(scorecardPath(subject.code), {level: subject.level, format: "svg"});
    map.alt = "";
    map.addEventListener("error", () => map.remove());
    return map;
  }

  missing({missing, missing_title: title}) {
    if (!missing.length) return null;
    const parts = missing.map(({period, inputs}) => element("p", "", element("b", "", period), ` ${inputs}`));
    return element("section", "lacking", element("h4", "", title), ...parts);
  }

  // What follows from the score; a consequence is pressed to see the periods that brought it.
  consequences({subject}, {consequences, refused}) {
    if (!consequences.length && !refused.length) return null;
    const rows = consequences.map((found) => {
      const chip = this.why(subject, found.consequence, found.title);
      chip.className = `tone ${found.tone}`;
      return element("li", "", chip, element("p", "reason", found.why));
    });
    rows.push(...refused.map((text) => element("li", "", element("p", "reason", text))));
    return element("section", "", element("h4", "", word("consequences")), element("ul", "reached", ...rows));
  }

  // The score tree: parts set in below their item, rules smaller, with what they cost or earn.
  lines(subject, lines, title) {
    if (!lines.length) return null;
    const row = (line) => {
      const name = line.code ? `${line.code} ${line.title}` : line.title;
      const most = line.weight ? word("weight", {n: line.weight}) : line.maximum ? `/ ${line.maximum}` : "";
      const node = element("li", line.is_rule ? "rule" : line.depth ? "part" : "",
        element("div", "line", this.why(subject, line.item, name),
          element("span", "points", element("b", line.has_points ? "" : "without", line.points), ` ${most}`)),
        line.share === null ? null : this.track(line.share), element("p", "reason", line.reason),
        line.chance ? element("p", "reason", line.chance) : null);
      node.style.marginLeft = `${14 * line.depth}px`;
      return node;
    };
    return element("section", "", element("h4", "", word(title)), element("ul", "lines", ...this.folded(lines, row)));
  }

  // Of a long list the first stand open; the line that tells how many more there are begins what is folded.
  folded(lines, row) {
    const rows = [];
    let more = null;
    for (const line of lines) {
      if (!line.is_more) more = null;
      else if (line.n_more !== null) {
        more = element("ul", "lines");
        rows.push(element("li", "", element("details", "", element("summary", "", word("more", {n: grouped(line.n_more)})), more)));
      }
      if (more) more.append(row(line));
      else rows.push(row(line));
    }
    return rows;
  }

  track(share) {
    const filled = element("i", "filled");
    filled.style.width = `${100 * share}%`;
    return element("div", "track", filled);
  }

  figures({subject}, texts) {
    if (!texts.figures.length) return null;
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

  // The rule in one sentence, the cases and samples behind each count, the entries, and the periods it rests on.
  explain(subject, item, title) {
    document.getElementById("why-title").textContent = `${subject.name[data.lang]} · ${title}`;
    this.dialog.showModal();
    return fill(this.dialog.querySelector(".body"), async () => {
      const found = await ask("/v1/explain", {assessment: data.assessment, code: subject.code, level: subject.level, item});
      const parts = Object.values(found.evidence).map(({name, n, numbers}) => element("details", "",
        element("summary", "", word("behind", {name: name[data.lang], n: grouped(n)}),
          n > numbers.length ? word("behind_more", {shown: grouped(numbers.length)}) : null),
        n ? element("ol", "numbers", ...numbers.map((number) => element("li", "", number, part(found.parts[number]))))
          : element("p", "state", word("behind_none"))));
      const entered = Object.entries(found.entry_texts).map(([name, records]) => element("details", "",
        element("summary", "", word("entries", {name: found.input_names[name][data.lang], n: grouped(records.length)})),
        element("ol", "entries", ...records.map((text) => element("li", "", text)))));
      const all = [...this.periods(found.periods), ...parts, ...entered];
      if (all.length) all[0].open = true;
      return [element("p", "reason", found.text), ...all];
    });
  }

  periods(periods) {
    const rows = periods.map(({period, assessment, total, grade, rank}) => element("li", "",
      element("b", "", period), ` ${total ?? "–"} `, gradeChip(grade), rank === null ? null : ` ${word("place", {rank})}`,
      element("small", "", ` ${assessment}`)));
    return rows.length ? [element("details", "", element("summary", "", word("periods")), element("ol", "entries", ...rows))] : [];
  }
}
