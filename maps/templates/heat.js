// The heat map: cells of two or three sizes; the zoom picks the size unless the reader does.

function startPage(map, data) {
  const layers = data.layers, districts = data.districts;
  const CELL_PX = 8;
  const all = [...districts.name.keys()];
  const name = (i) => (page.lang === "en" && districts.name_en ? districts.name_en[i] : districts.name[i]);
  const title = (layer, i) => {
    if (layer === districts) return name(i);
    const district = layer.parent[i] < 0 ? page.word("elsewhere") : name(layer.parent[i]);
    return layer.places[i] ? `${district} · ${page.text(layer.places[i])}` : district;
  };
  const state = {size: null, drawn: null};
  const page = new Page(map, data, {path: () => [], levels, title, pick, redraw});

  // The finest cells that are at least CELL_PX wide on the screen.
  function fitting() {
    const metresPerPixel = 40075016.686 * Math.cos(map.getCenter().lat * Math.PI / 180) / 2 ** (map.getZoom() + 8);
    const found = layers.findIndex((layer) => layer.size_m / metresPerPixel >= CELL_PX);
    return found < 0 ? layers.length - 1 : found;
  }

  function redraw() {
    state.drawn = state.size === null ? fitting() : state.size;
    const layer = layers[state.drawn], cells = [...layer.class.keys()];
    page.draw({layer, members: cells, bounds: page.bounds(districts, all), named: [districts, all],
      outlines: [districts, all], context: [districts, all]});
    page.drawNames();
  }

  function pick(layer, i) {
    if (map.getZoom() < 14) map.setView(page.shape(layer, i).label, Math.min(14, map.getZoom() + 2), {animate: false});
    page.mark(i);
  }

  function levels() {
    const choose = (size) => () => {
      state.size = size;
      redraw();
    };
    const sizes = layers.map((layer, i) => button(page.text(layer),
      state.size === i, choose(i)));
    return [button(page.word("auto"), state.size === null, choose(null)), ...sizes];
  }

  page.fit(page.bounds(districts, all));
  page.speak(data.lang);
  page.fit(page.view.bounds);  // the head has its lines now, and the map what they leave
  map.on("zoomend", () => state.size === null && fitting() !== state.drawn && redraw());
}
