// What every part of the page shares: the page's data, words, elements, and questions to the API.
// Texts from data become text nodes only, never markup.

export const data = JSON.parse(document.getElementById("data").textContent);

export function word(key, facts) {
  return data.words[key].replace(/\{(\w+)\}/g, (_, name) => facts[name]);
}

export function element(tag, className, ...children) {
  const node = document.createElement(tag);
  node.className = className || "";
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function button(text, action, className) {
  const node = element("button", className, text);
  node.type = "button";
  node.addEventListener("click", action);
  return node;
}

export function link(text, href) {
  const node = element("a", "", text);
  node.href = href;
  return node;
}

export function grouped(number) {
  return Number(number).toLocaleString("en");
}

// An address of this application with its parameters, the page's language among them; empty ones are left out.
export function address(path, parameters) {
  const query = new URLSearchParams({lang: data.lang});
  for (const [name, value] of Object.entries(parameters || {})) if (value) query.set(name, value);
  return `${path}?${query}`;
}

export function scorecardPath(code) {
  return `/v1/assessments/${encodeURIComponent(data.assessment)}/scorecards/${encodeURIComponent(code)}`;
}

// Ask the API; what goes wrong is an Error in the reader's words.
export async function ask(path, parameters) {
  const response = await fetch(address(path, parameters)).catch(() => null);
  if (response === null) throw new Error(word("unreachable"));
  const answer = await response.json();
  if (response.ok) return answer;
  throw new Error(answer.errors ? answer.errors.map((e) => e.detail).join("；") : answer.detail);
}

// Fill a place with what `make` gives: "loading" if it takes a while, and if it fails, why. Only the last call wins.
const calls = new WeakMap();
export async function fill(place, make) {
  const call = {};
  calls.set(place, call);
  place.setAttribute("aria-busy", "true");
  const wait = setTimeout(() => place.replaceChildren(element("p", "state", word("loading"))), 250);
  let nodes;
  try {
    nodes = await make();
  } catch (error) {
    const shown = element("p", "state error", word("failed", {reason: error.message}));
    shown.setAttribute("role", "alert");
    nodes = [shown];
  }
  clearTimeout(wait);
  if (calls.get(place) !== call) return;
  place.removeAttribute("aria-busy");
  place.replaceChildren(...nodes);
}

// A consequence by its tone; why it was reached is told by pressing it, or by the text beside it.
export function toneChip({tone, title}, undecided) {
  const chip = element("span", `tone ${tone}`, typeof title === "string" ? title : title[data.lang]);
  if (undecided) chip.classList.add("undecided");
  return chip;
}

export function gradeChip(id) {
  const grade = data.grades[id], chip = element("span", "grade", grade ? grade.short : "–");
  if (!grade) return chip;
  chip.title = grade.title;
  chip.style.background = grade.colour;
  chip.style.color = grade.ink;
  return chip;
}
