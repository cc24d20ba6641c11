"use strict";

// Reads the shapes that maps/layers.py writes (encode): whole numbers in base 64, five bits
// a character, lowest first; the sixth bit says that more follow; an odd number is a negative one.
const DIGITS = new Map(
  [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"].map((char, i) => [char, i]));

// One polygon: {label: [lat, lon], parts: [[ring, …], …], bounds}, a ring being [[lat, lon], …].
function readShape(text, decimals) {
  const scale = 10 ** decimals;
  let position = 0;

  function number() {
    let value = 0, factor = 1, digit;
    do {
      digit = DIGITS.get(text[position++]);
      value += (digit & 31) * factor;
      factor *= 32;
    } while (digit & 32);
    return value % 2 ? -(value + 1) / 2 : value / 2;
  }
  function several(read) {
    return Array.from({length: number()}, read);
  }

  let x = number(), y = number();
  const label = [y / scale, x / scale];
  const parts = several(() => several(() => several(() => {
    x += number();
    y += number();
    return [y / scale, x / scale];
  })));
  return {label, parts, bounds: L.latLngBounds(parts.flatMap((rings) => rings[0]))};
}
