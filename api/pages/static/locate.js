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

  // A category may be typed by its name: the one so called, or the only one with the text in its name.
  async code(typed) {
    const names = ({name}) => Object.values(name).filter(Boolean);
    const all = typed && !typed.includes(":") ? await this.offer() : [];
    const called = all.find((found) => names(found).includes(typed));
    const like = all.filter((found) => names(found).some((name) => name.includes(typed)));
    return (called ?? (like.length === 1 ? like[0] : null))?.category ?? typed;
  }

  // Asked for the edition and the day of the assessment that is shown beside it.
  find(within = 0) {
    const asked = {...Object.fromEntries(new FormData(this.form)), ...data.day};
    if (within) asked.within_m = Math.min(Math.ceil(within), 2000);
    return fill(this.answer, async () => {
      asked.category = await this.code(asked.category.trim());
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
    const responsible = grids.at(-1).responsible;
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
