// The query for the responsible unit: a place typed or pressed on a map, answered with its grids, the unit, and what is near.

import {ask, button, data, element, fill, word} from "./page.js";

export class Locate {
  constructor(section, select) {
    Object.assign(this, {select});
    this.form = section.querySelector("form");
    this.answer = section.querySelector(".answer");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.find();
    });
    this.form.elements.category.addEventListener("focus", () => this.offer(), {once: true});
  }

  // A place pressed on a map is in the stored system.
  // It was pointed at as exactly as the map's scale allows: grids so near are named too.
  take([lon, lat], within = 0) {
    const {elements} = this.form;
    elements.lon.value = lon.toFixed(6);
    elements.lat.value = lat.toFixed(6);
    elements.crs.value = elements.crs.options[0].value;
    return this.find(within);
  }

  // The city's categories, asked for once, as suggestions of the field.
  offer() {
    this.categories ??= this.suggest();
    return this.categories;
  }

  async suggest() {
    const found = await ask("/v1/categories").catch(() => []);
    document.getElementById("categories").replaceChildren(...found.map(({category, name}) => {
      const option = element("option");
      option.value = category;
      option.label = name[data.lang];
      return option;
    }));
    return found;
  }

  // A category may be typed by its name: those so called, else those with the text in their names.
  async matching(typed) {
    if (!typed || typed.includes(":")) return null;
    const names = ({name}) => Object.values(name).filter(Boolean);
    const all = await this.offer();
    if (!all.length) return null;
    const called = all.filter((found) => names(found).includes(typed));
    return called.length ? called : all.filter((found) => names(found).some((name) => name.includes(typed)));
  }

  // What was typed stands for several categories, or for none: list them, each to be pressed.
  choices(typed, found) {
    const rows = found.map(({category, name}) => element("li", "", button(`${name[data.lang]} ${category}`, () => {
      this.form.elements.category.value = category;
      return this.find();
    })));
    return [element("p", "", word(found.length ? "category_choose" : "category_none", {typed})),
      element("ul", "choices", ...rows)];
  }

  // Asked for the edition and the day of the assessment that is shown beside it.
  find(within = 0) {
    const asked = {...Object.fromEntries(new FormData(this.form)), ...data.day};
    if (within) asked.within_m = Math.min(Math.ceil(within), 2000);
    return fill(this.answer, async () => {
      const typed = asked.category.trim(), found = await this.matching(typed);
      if (found && found.length !== 1) return this.choices(typed, found);
      asked.category = found ? found[0].category : typed;
      return this.tell(await ask("/v1/locate", asked));
    });
  }

  tell({grids, unit, near, edition, assigned, lon, lat}) {
    const name = ({name, code}) => `${name[data.lang]} ${code}`;
    const at = element("p", "reason", `${lon.toFixed(6)}, ${lat.toFixed(6)} · ${word("edition", {edition})}`);
    const close = near.map((grid) => element("p", "near",
      word(assigned ? "near" : "nearest", {name: name(grid), m: grid.distance_m})
        + (grid.unit ? ` · ${grid.unit.name[data.lang]}` : "")));
    if (!assigned) return [element("p", "outside", word("outside")), ...close, at];
    const path = grids.flatMap((grid, i) => [i ? element("span", "", "›") : null, this.step(grid)]).filter(Boolean);
    const responsible = grids[grids.length - 1].responsible;
    return [
      element("dl", "",
        element("dt", "", word("grids")), element("dd", "path", ...path),
        element("dt", "", word("unit")),
        element("dd", "unit", unit ? `${unit.name[data.lang]}` : responsible || word("unit_none"))),
      ...close, at];
  }

  step(grid) {
    const text = grid.name[data.lang];
    if (!data.levels.some((level) => level.key === grid.level)) return element("span", "", text);
    const node = button(text, () => this.select(grid.level, grid.code));
    node.title = grid.code;
    return node;
  }
}
