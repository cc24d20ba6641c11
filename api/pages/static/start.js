// The start page: one chosen grid that map, ranking and scorecard share, kept in the address.

import {address, data} from "./page.js";
import {Locate} from "./locate.js";
import {Ranking} from "./ranking.js";
import {Scorecard} from "./scorecard.js";

const find = (selector) => document.querySelector(selector);
const choropleth = find("#choropleth iframe"), heat = find("#heat iframe");
const frames = [choropleth, heat].filter(Boolean);
const locate = new Locate(find("#locate"), select);
const ranking = data.assessment && new Ranking(find("#ranking"), select);
const scorecard = data.assessment && new Scorecard(find("#scorecard"), find("dialog"));

function remember(changes) {
  Object.assign(data, changes);
  const {assessment, level, code, indicator} = data;
  history.replaceState(null, "", address("/", {assessment, level, code, indicator}));
  const other = new URL(location);
  other.searchParams.set("lang", data.lang === "zh" ? "en" : "zh");
  find("#language").href = other;
}

// Show a subject everywhere; the map that was pressed itself has moved already, and units have none.
function select(level, code, from) {
  remember({level, code});
  ranking.mark(level, code);
  scorecard.show(level, code);
  if (choropleth && from !== choropleth) showOnMap();
}

// A map that is still loading hears nothing: it is told again when it says that it is ready.
function showOnMap() {
  choropleth.contentWindow.postMessage({show: {level: data.level, code: data.code}}, "*");
}

function draw(frame, path, parameters) {
  const page = address(path, {assessment: data.assessment, ...parameters});
  const section = frame.closest("section");
  section.querySelector(".open").href = page;
  section.classList.add("loading");
  frame.addEventListener("load", () => section.classList.remove("loading"), {once: true});
  frame.src = `${page}&embedded=true`;
}

function drawChoropleth() {
  draw(choropleth, "/maps/choropleth", {indicator: data.indicator, level: data.level});
}

window.addEventListener("message", ({source, data: message}) => {
  const frame = frames.find(({contentWindow}) => contentWindow === source);
  if (!frame) return;
  if (message.ready && frame === choropleth && data.code) showOnMap();
  if (message.pick) select(message.pick.level, message.pick.code, frame);
  if (message.place) locate.take(message.place, message.within);
});

if (data.assessment) {
  find("#assessment").addEventListener("change", (event) => {
    location.assign(address("/", {assessment: event.target.value, level: data.level, code: data.code, indicator: data.indicator}));
  });
  if (choropleth) {
    find("#indicator").addEventListener("change", (event) => {
      remember({indicator: event.target.value});
      drawChoropleth();
    });
    drawChoropleth();
  }
  draw(heat, "/maps/heat");
  if (data.code) {
    select(data.level, data.code);
  } else {
    ranking.load(data.level);
    ranking.best(data.opens).then((top) => top && scorecard.show(top.level, top.code)); // none of his may be assessed
  }
}
