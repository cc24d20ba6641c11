// What every map page has: words in two languages, legend, list, tooltip, names on the map, print.
// Texts of the data reach the page as text nodes only, never as markup.

const LINE = "#6f7c8a", OUTLINE = "#2f3c4b", MARK = "#0b1f33";
const LIST_ROWS = 300;

function element(tag, className, ...children) {
  const node = document.createElement(tag);
  node.className = className || "";
  node.append(...children.filter((child) => child !== null));
  return node;
}

function button(text, pressed, action) {
  const node = element("button", "", text);
  node.type = "button";
  if (pressed !== null) node.setAttribute("aria-pressed", pressed);
  node.addEventListener("click", action);
  return node;
}

function grouped(number) {
  return number.toLocaleString("en");
}

// The page's data, which maps/assets.py compressed; then the sentence that stands until the map does goes.
async function unpack(id) {
  const letters = atob(document.getElementById(id).textContent);
  const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const data = JSON.parse(await new Response(stream).text());
  document.getElementById("wait").remove();
  return data;
}

// `handlers` of a page: path() and levels() give buttons, title(layer, i) a grid's name, pick(layer, i)
// acts on a click, redraw() draws anew.
class Page {
  constructor(map, data, handlers) {
    Object.assign(this, {map, data, handlers, lang: data.lang, view: null, drawn: new Map()});
    map.setMaxZoom(19);
    for (const name of ["context", "outline", "names"]) {
      map.createPane(name).style.pointerEvents = "none";
    }
    map.getPane("context").style.zIndex = 390;
    map.getPane("outline").style.zIndex = 450;
    map.getPane("names").style.zIndex = 460;
    this.shapes = L.featureGroup().addTo(map);
    this.context = L.layerGroup().addTo(map);
    this.outline = L.layerGroup().addTo(map);
    this.names = L.layerGroup().addTo(map);
    this.tip = L.tooltip({sticky: true, className: "tip", opacity: 1, direction: "auto"});
    this.controls = [];
    this.listen();
    if (data.embedded) this.embed();
  }

  listen() {
    document.getElementById("language").addEventListener("click", () => this.speak(this.lang === "zh" ? "en" : "zh"));
    document.getElementById("print").addEventListener("click", () => window.print());
    this.map.on("zoomend moveend", () => this.drawNames());
    window.addEventListener("beforeprint", () => this.resize(true));
    window.addEventListener("afterprint", () => this.resize(false));
  }

  // In a frame: only the map stays; tell the page around it what was pressed and where, and go where it says.
  embed() {
    document.body.classList.add("embedded");
    this.map.on("click", ({latlng, containerPoint}) => {
      // a finger is ten pixels wide: so exactly was the place pointed at; a drawn border may be off by more
      const beside = this.map.containerPointToLatLng(containerPoint.add([10, 0]));
      const within = Math.max(this.map.distance(latlng, beside), this.off_m || 0);
      this.off_m = 0;
      window.parent.postMessage({place: [latlng.lng, latlng.lat], within}, "*");
    });
    new ResizeObserver(() => this.map.invalidateSize({animate: false, pan: false})).observe(this.map.getContainer());
    requestAnimationFrame(() => this.fit(this.view.bounds));
    window.addEventListener("message", ({source, data}) => {
      if (source === window.parent && data.show && this.handlers.find) this.handlers.find(data.show);
    });
    window.parent.postMessage({ready: true}, "*");  // what was asked before this was heard by nobody
  }

  choose(layer, i) {
    this.handlers.pick(layer, i);
    if (!this.data.embedded || !layer.key) return;
    window.parent.postMessage({pick: {level: layer.key, code: layer.code[i]}}, "*");
  }

  text(words) {
    return words[this.lang] || words.zh;
  }

  word(key, facts) {
    return this.text(this.data.words[key]).replace(/\{(\w+)\}/g, (_, name) => (facts || {})[name]);
  }

  speak(lang) {
    this.lang = lang;
    document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
    document.getElementById("language").textContent = lang === "zh" ? "English" : "中文";
    document.getElementById("print").textContent = this.word("print");
    document.getElementById("title").textContent = this.text(this.data.title);
    document.getElementById("facts").replaceChildren(
      ...this.data.facts.map((fact) => element("span", "", this.text(fact))));
    this.controls.forEach((control) => control.remove());
    this.controls = [
      L.control.zoom({zoomInTitle: this.word("zoom_in"), zoomOutTitle: this.word("zoom_out")}),
      L.control.scale({imperial: false, position: "bottomleft"}),
    ];
    this.controls.forEach((control) => control.addTo(this.map));
    this.handlers.redraw();
    this.map.invalidateSize({animate: false, pan: false});
  }

  resize(printing) {
    document.body.classList.toggle("printing", printing);
    this.map.invalidateSize({animate: false, pan: false});
    if (this.view) this.fit(this.view.bounds);
  }

  fit(bounds) {
    this.map.fitBounds(bounds, {padding: [14, 14], animate: false});
  }

  shape(layer, i) {
    const all = this.data.layers || [];
    layer.read = layer.read || (layer.shapes ? [] : readLines(all.includes(layer) ? all.slice(all.indexOf(layer)) : [layer]));
    return layer.read[i] = layer.read[i] || readShape(layer.shapes[i], layer.step);
  }

  bounds(layer, members) {
    return members.reduce((all, i) => all.extend(this.shape(layer, i).bounds), L.latLngBounds([]));
  }

  fill(layer, i) {
    return layer.class[i] < 0 ? "url(#no-data)" : layer.classes[layer.class[i]].colour;
  }

  // Draw the members of a layer; `outlines` are [layer, members] drawn as lines over them,
  // `context` [layer, members] in grey below, `named` [layer, members] whose names are written.
  draw({layer, members, outlines, context, named, bounds}) {
    this.view = {layer, members, named, bounds};
    [this.shapes, this.context, this.outline].forEach((group) => group.clearLayers());
    this.tip.remove();
    this.drawn = new Map(members.map((i) => [i, this.drawShape(layer, i)]));
    const lines = (group, [of, which], style) => which.forEach(
      (i) => L.polygon(this.shape(of, i).parts, {interactive: false, smoothFactor: 0, ...style}).addTo(group));
    lines(this.context, context, {pane: "context", color: "#ffffff", weight: 1, fillColor: "#dbe1e8", fillOpacity: 1});
    lines(this.outline, outlines, {pane: "outline", color: OUTLINE, fill: false,
      weight: outlines[1].length > 80 ? 0.7 : 1.4, opacity: 0.85});
    this.drawLegend();
    this.drawList();
    document.getElementById("path").replaceChildren(...this.handlers.path());
    const levels = document.getElementById("levels");
    levels.setAttribute("aria-label", this.word("level"));
    levels.replaceChildren(...this.handlers.levels());
  }

  drawShape(layer, i) {
    const style = {...this.border(layer), fillColor: this.fill(layer, i), fillOpacity: 1, smoothFactor: 0};
    const drawn = L.polygon(this.shape(layer, i).parts, style).addTo(this.shapes);
    drawn.on("mouseover", (event) => this.mark(i, event.latlng));
    drawn.on("mousemove", (event) => this.tip.setLatLng(event.latlng));
    drawn.on("mouseout", () => this.unmark(i));
    drawn.on("click", (event) => {
      this.off_m = this.shape(layer, i).off_m;  // the map's own click comes next
      this.press(i, event.latlng);
    });
    return drawn;
  }

  // Many small shapes need a fainter border, or it hides their colour.
  border(layer) {
    return {color: LINE, weight: layer.line, opacity: layer.line < 1 ? 0.5 : 1};
  }

  mark(i, place) {
    if (this.marked !== undefined) this.unmark(this.marked);
    const {layer} = this.view;
    this.marked = i;
    this.drawn.get(i).setStyle({color: MARK, weight: 2.5, opacity: 1}).bringToFront();
    this.tip.setContent(this.describe(layer, i)).setLatLng(place || this.shape(layer, i).label).addTo(this.map);
  }

  unmark(i) {
    const {layer} = this.view;
    if (this.drawn.has(i)) this.drawn.get(i).setStyle(this.border(layer));
    this.tip.remove();
    this.marked = undefined;
  }

  // With a mouse a click acts at once; a finger first sees what it touches, then acts.
  press(i, place) {
    const touched = window.matchMedia("(hover: none)").matches && this.touched !== i;
    this.touched = i;
    if (touched) this.mark(i, place);
    else this.choose(this.view.layer, i);
  }

  rank(layer, i) {
    if (layer.rank[i] === null) return null;
    return this.word("rank", {rank: grouped(layer.rank[i]), n: grouped(layer.n_ranked)});
  }

  value(layer, i) {
    if (layer.value[i] === null) return this.word("no_data");
    const unit = layer.value[i] === '1' ? layer.one : layer.unit;
    return unit ? `${layer.value[i]} ${this.text(unit)}` : layer.value[i];
  }

  describe(layer, i) {
    const rank = this.rank(layer, i), share = layer.share && layer.share[i];
    const grade = layer.class[i] < 0 ? null : layer.classes[layer.class[i]].name;
    const rows = layer.counts.map((count) => element("tr", "",
      element("th", "", this.text(count)), element("td", "", count.values[i] === null ? "—" : count.values[i])));
    return element("div", "",
      element("div", "tip-name", this.handlers.title(layer, i),
        layer.code ? element("span", "tip-code", layer.code[i]) : null),
      element("div", "tip-value", element("b", "", this.value(layer, i)),
        grade ? element("b", "tip-grade", this.text(grade)) : null,
        share ? element("span", "", share) : null,
        rank ? element("span", "tip-rank", rank) : null),
      rows.length ? element("table", "", ...rows) : null);
  }

  drawLegend() {
    const {layer, members} = this.view;
    const shown = new Map();
    members.forEach((i) => shown.set(layer.class[i], (shown.get(layer.class[i]) || 0) + 1));
    const part = members.length < layer.class.length;
    const most = Math.max(1, ...layer.classes.map((x) => x.n), layer.n_no_data);
    const row = (colour, words, n, inView) => {
      const swatch = element("i", "swatch");
      if (colour) swatch.style.background = colour;
      else swatch.classList.add("hatch");
      const bar = element("span", "bar");
      bar.style.width = `${100 * n / most}%`;
      return element("tr", "", element("td", "", swatch), element("td", "label", words),
        element("td", "bars", bar), element("td", "n", part ? `${grouped(inView)} / ${grouped(n)}` : grouped(n)));
    };
    const label = (x) => (x.name ? `${this.text(x.name)}　${this.text(x)}` : this.text(x));
    // A class that no grid is in is listed only where its limits were given.
    const rows = layer.classes.map((x, k) => (x.n || layer.fixed
      ? row(x.colour, label(x), x.n, shown.get(k) || 0) : null)).filter((x) => x !== null).reverse();
    if (layer.n_no_data !== null) {
      rows.push(row(null, this.word("no_data"), layer.n_no_data, shown.get(-1) || 0));
    }
    document.getElementById("legend").replaceChildren(
      element("h2", "", this.text(this.data.measure), element("small", "", this.text(layer.caption))),
      element("table", "", ...rows),
      ...[this.data.direction, ...layer.notes].map((note) => element("p", "", this.text(note))));
  }

  drawList() {
    const {layer, members} = this.view;
    const shown = members.slice(0, LIST_ROWS);
    const rows = shown.map((i) => {
      const swatch = element("i", "swatch");
      if (layer.class[i] < 0) swatch.classList.add("hatch");
      else swatch.style.background = this.fill(layer, i);
      const node = button("", null, () => this.choose(layer, i));
      node.append(element("span", "place", layer.rank[i] === null ? "–" : layer.rank[i]), swatch,
        element("span", "name", this.handlers.title(layer, i)), element("span", "value", this.value(layer, i)));
      node.addEventListener("mouseenter", () => this.mark(i));
      node.addEventListener("focus", () => this.mark(i));
      node.addEventListener("mouseleave", () => this.unmark(i));
      node.addEventListener("blur", () => this.unmark(i));
      return element("li", "", node);
    });
    const rest = members.length - shown.length;
    document.getElementById("list").replaceChildren(
      element("h2", "", this.text(layer.heading)), element("ol", "", ...rows),
      rest ? element("p", "", this.word("more", {n: grouped(rest)})) : "");
  }

  // Write each name that fits into its shape on the screen and meets no name written before.
  drawNames() {
    this.names.clearLayers();
    if (!this.view) return;
    const [layer, members] = this.view.named, screen = this.map.getBounds(), taken = [];
    const places = members.map((i) => ({i, shape: this.shape(layer, i)}))
      .filter(({shape}) => screen.contains(shape.label))
      .map(({i, shape}) => {
        const a = this.map.latLngToLayerPoint(shape.bounds.getNorthWest());
        const b = this.map.latLngToLayerPoint(shape.bounds.getSouthEast());
        return {i, at: this.map.latLngToLayerPoint(shape.label), label: shape.label, wide: b.x - a.x, high: b.y - a.y};
      }).sort((p, q) => q.wide * q.high - p.wide * p.high);
    for (const {i, at, label, wide, high} of places) {
      const name = this.handlers.title(layer, i);
      const half = [...name].reduce((sum, char) => sum + (char.codePointAt(0) > 0x2e7f ? 6.5 : 3.6), 3);
      const box = {left: at.x - half, right: at.x + half, top: at.y - 9, bottom: at.y + 9};
      if (wide < 2 * half || high < 20 || taken.some((x) => x.left < box.right && box.left < x.right
        && x.top < box.bottom && box.top < x.bottom)) continue;
      taken.push(box);
      const node = element("span", "", name);
      L.marker(label, {pane: "names", interactive: false, keyboard: false,
        icon: L.divIcon({className: "name-on-map", iconSize: [0, 0], html: node})}).addTo(this.names);
    }
  }
}
