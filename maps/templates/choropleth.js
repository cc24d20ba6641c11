// The choropleth: levels to switch between, and the way down into a grid and back.

function startPage(map, data) {
  const layers = data.layers;
  const title = (layer, i) => (page.lang === "en" && layer.name_en ? layer.name_en[i] : layer.name[i]);
  const state = {level: data.start, focus: null};
  const page = new Page(map, data, {path, levels, title, pick, redraw, find});
  map.createPane("claimed").style.zIndex = 440;
  const claimed = L.layerGroup().addTo(map);

  // The ancestor of a grid at a level above, -1 if it has none.
  function ancestor(level, i, above) {
    for (; level > above && i >= 0; level--) i = layers[level].parent[i];
    return i;
  }

  function members(level, focus) {
    const all = layers[level].listed;
    return focus ? all.filter((i) => ancestor(level, i, focus.level) === focus.i) : all;
  }

  function redraw() {
    const {level, focus} = state, layer = layers[level], shown = members(level, focus);
    const siblings = focus ? [...layers[focus.level].name.keys()].filter((i) => i !== focus.i) : [];
    const above = level - 1;
    const parents = above < 0 ? [] : [...new Set(shown.map((i) => layer.parent[i]))].filter((i) => i >= 0);
    const bounds = focus ? page.shape(layers[focus.level], focus.i).bounds : page.bounds(layer, shown);
    page.draw({layer, members: shown, bounds, named: [layer, shown],
      outlines: [layers[above], parents], context: focus ? [layers[focus.level], siblings] : [null, []]});
    page.drawNames();
    drawClaims(layer, shown);
  }

  // Land that two grids claim, where the city accepted it: hatched over both; it says whose it is, who said so and why.
  function drawClaims(layer, shown) {
    claimed.clearLayers();
    if (!layer.claims) return;
    const {of: [first, second]} = layer.claims, here = new Set(shown);
    first.forEach((a, k) => {
      if (!here.has(a) && !here.has(second[k])) return;
      const shape = page.shape(layer.claims, k);
      const tell = ({latlng}) => page.tip.setContent(describeClaim(layer, k)).setLatLng(latlng).addTo(map);
      L.polygon(shape.parts, {pane: "claimed", className: "claimed", color: "#5b1a8b", weight: 1, dashArray: "3 2",
        fillColor: "url(#claimed)", fillOpacity: 0.8}).on({mouseover: tell, mousemove: tell, click: tell,
        mouseout: () => page.tip.remove()}).addTo(claimed);
    });
    const swatch = element("tr", "claims", element("td", "", element("i", "swatch claimed")),
      element("td", "label", page.text(layer.claims.label)));
    swatch.lastChild.colSpan = 3;
    const legend = document.getElementById("legend");
    legend.querySelector("table").append(swatch);
    legend.append(element("p", "", page.text(data.accepted)));
  }

  function describeClaim(layer, k) {
    const [a, b] = layer.claims.of.map((rows) => rows[k]);
    const full = (i) => `${title(layer, i)} ${layer.code[i]}`;
    const row = (words, value) => element("tr", "", element("th", "", words), element("td", "", value));
    return element("div", "", element("div", "tip-name", page.word("claims_of", {a: full(a), b: full(b)})),
      element("table", "wide", row(page.word("claims_area"), layer.claims.area[k]),
        row(page.word("claims_owner"), page.text(layer.claims.owner))),
      element("p", "", page.text(data.accepted)));
  }

  function show(level, focus) {
    Object.assign(state, {level, focus});
    page.touched = undefined;
    redraw();
    page.fit(page.view.bounds);
  }

  function pick(layer, i) {
    const level = layers.indexOf(layer), focus = {level, i};
    if (level + 1 < layers.length && layers[level + 1].parent.includes(i)) show(level + 1, focus);
    else page.mark(i);
  }

  // Show a grid that the page around a frame names: among its siblings, marked.
  function find({level, code}) {
    const at = layers.findIndex((layer) => layer.key === level), i = at < 0 ? -1 : layers[at].code.indexOf(code);
    if (i < 0) return;
    const above = at > 1 ? layers[at].parent[i] : -1;
    show(at, above >= 0 ? {level: at - 1, i: above} : null);
    page.mark(i);
  }

  function up() {
    if (!state.focus) return;
    const {level, i} = state.focus, above = level > 0 ? layers[level].parent[i] : -1;
    show(level, above >= 0 && level > 1 ? {level: level - 1, i: above} : null);
  }

  function path() {
    const steps = [button(page.word("all"), !state.focus, () => show(data.start, null))];
    const {focus} = state;
    for (let at = focus ? Math.min(1, focus.level) : Infinity; focus && at <= focus.level; at++) {
      const i = ancestor(focus.level, focus.i, at);
      if (i < 0) continue;
      steps.push(element("span", "", "›"), button(title(layers[at], i), at === focus.level,
        () => show(at + 1, {level: at, i})));
    }
    if (focus) {
      steps.push(button("↑ " + page.word("up"), null, up));
      steps[steps.length - 1].id = "up";
    }
    return steps;
  }

  function levels() {
    return layers.map((layer, level) => button(page.text(layer), level === state.level,
      () => show(level, state.focus && state.focus.level < level ? state.focus : null)));
  }

  document.addEventListener("keydown", (event) => event.key === "Escape" && up());
  page.speak(data.lang);
  page.fit(page.view.bounds);
}
