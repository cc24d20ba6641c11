// Groups of repeat cases: a dot each, as large as its repeats are many, with the ring of its place.

function startPage(map, data) {
  const layer = data.layer, districts = data.districts;
  const all = [...layer.class.keys()], around = [...districts.name.keys()];
  const title = (which, i) => {
    if (which === layer) return page.text(layer.names[i]);
    return page.lang === "en" && districts.name_en ? districts.name_en[i] : districts.name[i];
  };
  const page = new Page(map, data, {path: () => [], levels, title, pick, redraw});

  // A ring would not be seen from far away, so a dot of a fixed size on the screen stands in it.
  page.drawShape = (which, i) => {
    const shape = page.shape(which, i), style = {color: LINE, weight: 1, fillColor: page.fill(which, i)};
    const ring = L.polygon(shape.parts, {...style, fillOpacity: 0.15, dashArray: "4 3"});
    const dot = L.circleMarker(shape.label, {...style, fillOpacity: 0.9, radius: 5 + 2 * Math.sqrt(which.size[i])});
    const drawn = L.featureGroup([ring, dot]).addTo(page.shapes);
    drawn.on("mouseover", (event) => page.mark(i, event.latlng));
    drawn.on("mousemove", (event) => page.tip.setLatLng(event.latlng));
    drawn.on("mouseout", () => page.unmark(i));
    drawn.on("click", (event) => page.press(i, event.latlng));
    return drawn;
  };

  // A line breaks between case numbers, never inside one.
  function whole(text) {
    return text.split(", ").flatMap((part, i) => [i ? ", " : "", element("span", "whole", part)]);
  }

  // The rows of one group are its own: class, road class, cases by number.
  const plain = page.describe.bind(page);
  page.describe = (which, i) => {
    const box = plain(which, i);
    const rows = which.rows[i].map(([label, value]) => element("tr", "",
      element("th", "", page.text(label)), element("td", "", ...whole(typeof value === "string" ? value : page.text(value)))));
    box.append(element("table", "wide", ...rows));
    return box;
  };

  function redraw() {
    page.draw({layer, members: all, bounds: page.bounds(districts, around), named: [districts, around],
      outlines: [districts, around], context: [districts, around]});
    page.drawNames();
  }

  function pick(which, i) {
    map.fitBounds(page.shape(which, i).bounds, {maxZoom: 18, animate: false});
    page.mark(i);
  }

  function levels() {
    return [button(page.word("all"), null, () => page.fit(page.view.bounds))];
  }

  page.fit(page.bounds(districts, around));
  page.speak(data.lang);
  page.fit(page.view.bounds);  // the head has its lines now, and the map what they leave
}
