"use strict";

// Reads the texts of gridmgmt/places/linework.py (digits): whole numbers in base 64, five bits
// a character, lowest first; the sixth bit says that more follow; an odd number is a negative one.
const DIGITS = [];
[..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"].forEach((char, i) => {
  DIGITS[char.charCodeAt(0)] = i;
});

// The numbers of a text, one a call; `next.more()` says whether any are left.
function numbers(text) {
  let position = 0;
  const next = () => {
    let value = 0, factor = 1, digit;
    do {
      digit = DIGITS[text.charCodeAt(position++)];
      value += (digit & 31) * factor;
      factor *= 32;
    } while (digit & 32);
    return value % 2 ? -(value + 1) / 2 : value / 2;
  };
  next.more = () => position < text.length;
  return next;
}

function several(n, read) {
  return Array.from({length: n}, read);
}

const METRES_PER_DEGREE = 111320;

// One polygon that stands alone: {label: [lat, lon], parts: [[ring, …], …], bounds}, a ring being [[lat, lon], …].
function readShape(text, [east, north]) {
  const next = numbers(text);
  let x = next(), y = next();
  const label = [y * north, x * east];
  const parts = several(next(), () => several(next(), () => several(next(), () => {
    x += next();
    y += next();
    return [y * north, x * east];
  })));
  return {label, parts, bounds: L.latLngBounds(parts.flatMap((rings) => rings[0]))};
}

// The arcs of a level, read once: the rows on both sides (-1: nothing), where it begins and ends, and its places, which
// all shapes share that are drawn from it.
function readArcs(level) {
  if (level.lines) return level.lines;
  const [east, north] = level.step, next = numbers(level.arcs);
  const lines = level.lines = [];
  let left = 0, x = 0, y = 0;
  const point = () => {
    x += next();
    y += next();
    return new L.LatLng(y * north, x * east);
  };
  while (next.more()) {
    left += next();
    const step = next(), n = next(), places = [point()], begins = `${x} ${y}`;
    while (places.length < n) places.push(point());
    lines.push({left, right: step ? left + step : -1, places, begins, ends: `${x} ${y}`});
  }
  return lines;
}

// The shapes of the first of some levels, from the arcs of the nearest below that has some: what parts two grids
// of the lower level is drawn if it parts two of this one. Filled even-odd, so holes need no telling apart.
function readLines(levels) {
  const [level] = levels, [east, north] = level.step;
  const from = levels.findIndex((lower) => lower.arcs !== null);
  const above = (i) => {
    for (let k = from; k > 0 && i >= 0; k--) i = levels[k].parent[i];
    return i;
  };
  const around = level.parent.map(() => new Map());  // of each grid: where an arc begins → the arcs
  const add = (i, begins, arc) => {
    if (i < 0) return;
    if (around[i].has(begins)) around[i].get(begins).push(arc);
    else around[i].set(begins, [arc]);
  };
  for (const {left, right, places, begins, ends} of readArcs(levels[from])) {
    const [a, b] = [above(left), above(right)];
    if (a === b) continue;
    add(a, begins, {places, ends});
    add(b, ends, {places: b < 0 ? [] : [...places].reverse(), ends: begins});
  }
  const marks = numbers(level.marks);
  return around.map((arcs) => {
    const x = marks(), y = marks(), off = marks(), rings = joined(arcs);
    return {label: [y * north, x * east], off_m: off * north * METRES_PER_DEGREE, parts: [rings],
      bounds: L.latLngBounds(rings.flat())};
  });
}

// Rings of arcs: as many begin as end at every point, so each way ends where it began.
function joined(arcs) {
  const rings = [];
  for (const [begins, waiting] of arcs) {
    while (waiting.length) {
      const ring = [];
      let at = begins;
      do {
        const {places, ends} = arcs.get(at).pop();
        for (let k = 1; k < places.length; k++) ring.push(places[k]);
        at = ends;
      } while (at !== begins);
      rings.push(ring);
    }
  }
  return rings;
}
