//! The words beside the picture: pointer card, held pair, search matches and what is spoken.

const $ = id => document.getElementById(id);

// An element with text and children. Text is only ever text, never markup.
function element(tag, { text, ...attributes } = {}, ...children) {
  const it = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) it.setAttribute(name, value);
  if (text !== undefined) it.textContent = text;
  it.append(...children);
  return it;
}

function namesOf({ left, right }) {
  return element("div", { class: "names" },
    element("span", { text: "left (row)" }), element("b", { text: MODEL.names[left] }),
    element("span", { text: "right (column)" }), element("b", { text: MODEL.names[right] }));
}

function tableRow(head, cells, attributes = {}) {
  return element("tr", attributes,
    element("th", { text: head, scope: "row" }), ...cells.map(text => element("td", { text })));
}

function tableHead(words) {
  return element("thead", {},
    element("tr", {}, ...words.map(text => element("th", text ? { text, scope: "col" } : {}))));
}

// The card at the pointer: both names, and for each selection the similarity and the counts.
function pairCard(pair) {
  const rows = SELECTIONS.map(selection => {
    const { a, b, c } = MODEL.overlap(selection, pair.left, pair.right);
    const value = digits(similarity(state.measure, { a, b, c }), 4);
    const attributes = selection === state.selection ? { class: "now" } : {};
    return tableRow(selection, [value, whole(c), whole(a - c), whole(b - c)], attributes);
  });
  const heads = ["", MEASURES[state.measure].label, "common", "only left", "only right"];
  return [namesOf(pair), element("table", {}, tableHead(heads), element("tbody", {}, ...rows))];
}

function nameCard(image) {
  const of = selection => whole(MODEL.sizes[selection][image]);
  return [element("div", {}, element("b", { text: MODEL.names[image] })),
    element("div", { text: `${of("files")} files, ${of("directories")} directories` })];
}

function branchCard(node) {
  const it = tree();
  const count = it.last[node] - it.first[node] + 1;
  return [element("div", { text: `${count} images, joined at distance ${digits(it.height[node], 3)}` }),
    element("div", { text: "Click to look at them alone" })];
}

// Shows a card near a point of the figure, on whichever side has room. A narrow figure has no side
// with room: there the card lies at the edge away from the point, so that it hides least.
function showTip(content, x, y) {
  const tip = $("tip");
  if (!content) {
    tip.hidden = true;
    return;
  }
  tip.replaceChildren(...content);
  tip.hidden = false;
  const [width, height] = [tip.offsetWidth, tip.offsetHeight];
  const right = x + 18 + width <= geo.width - 8;
  const below = y + 18 + height <= geo.height - 8;
  tip.style.left = `${Math.max(8, right ? x + 18 : x - 14 - width)}px`;
  const near = below ? y + 18 : y - 14 - height;
  const away = y < geo.height / 2 ? geo.height - 8 - height : 8;
  tip.style.top = `${Math.max(8, geo.width < NARROW ? away : near)}px`;
}

// Everything about the held pair.
function showPair() {
  const box = $("pair");
  if (!state.held) {
    const touch = matchMedia("(hover: none)").matches;
    const hint = touch ? "Tap a cell to compare two images in full."
      : "Click a cell, or press Enter on it, to hold two images here and compare them in full.";
    box.replaceChildren(element("p", { class: "hint", text: MODEL.n === 0 ? "There are no images." : hint }));
    return;
  }
  const overlaps = SELECTIONS.map(selection => MODEL.overlap(selection, state.held.left, state.held.right));
  const measures = Object.entries(MEASURES).map(([name, { label }]) => tableRow(
    label, overlaps.map(it => digits(similarity(name, it), 6)), name === state.measure ? { class: "now" } : {}));
  const counts = [
    ["common", ({ c }) => c], ["only left", ({ a, c }) => a - c], ["only right", ({ b, c }) => b - c],
    ["all of left", ({ a }) => a], ["all of right", ({ b }) => b],
  ].map(([label, of]) => tableRow(label, overlaps.map(it => whole(of(it)))));
  const table = element("table", {}, tableHead(["", "files", "directories", "both"]),
    element("tbody", {}, ...measures), element("tbody", {}, ...counts));
  const release = element("button", { type: "button", class: "plain", text: "Let go (Esc)" });
  release.addEventListener("click", () => hold(null));
  box.replaceChildren(namesOf(state.held), shareBar(overlaps[SELECTIONS.indexOf(state.selection)]),
    shareKey(), table, release);
}

// The two sets as one bar: only left, common, only right, to scale.
function shareBar({ a, b, c }) {
  const bar = element("div", { class: "share", "aria-hidden": "true" });
  for (const [kind, count] of [["left", a - c], ["both", c], ["right", b - c]]) {
    const part = element("i", { class: kind });
    part.style.flexGrow = String(count);
    if (count > 0) bar.append(part);
  }
  return bar;
}

function shareKey() {
  const entry = (kind, text) => element("span", {}, element("i", { class: kind }), text);
  return element("div", { class: "key", "aria-hidden": "true" },
    entry("left", "only left"), entry("both", "common"), entry("right", "only right"));
}

// The names that match the search, first those in drawn order; a click goes there.
function showMatches() {
  const words = $("search").value.trim();
  const most = 200;
  $("found").textContent = words === "" ? ""
    : state.matches.length === 0 ? "No name contains this."
      : `${state.matches.length} of ${whole(MODEL.n)} images` + (state.matches.length > most ? `, the first ${most} listed` : "");
  $("matches").replaceChildren(...state.matches.slice(0, most).map(image => {
    const button = element("button", { type: "button", text: MODEL.names[image] });
    button.addEventListener("click", () => goTo(image));
    return element("li", {}, button);
  }));
}

let spoken = 0;

// Speaks the pair in sight once it has rested for a moment, so that a moving pointer stays silent.
function speak() {
  clearTimeout(spoken);
  spoken = setTimeout(() => {
    const pair = state.pair || state.held;
    $("live").textContent = pair ? sentenceOf(pair) : "";
  }, 350);
}

function sentenceOf({ left, right }) {
  const values = SELECTIONS.map(selection => {
    const value = similarity(state.measure, MODEL.overlap(selection, left, right));
    return `${selection} ${digits(value, 3)}`;
  });
  const { a, b, c } = MODEL.overlap(state.selection, left, right);
  const held = state.held && state.held.left === left && state.held.right === right ? " Held." : "";
  return `Row ${MODEL.names[left]}, column ${MODEL.names[right]}. ${MEASURES[state.measure].title}: ` +
    `${values.join(", ")}. Of ${SELECTION_WORDS[state.selection]}: ${whole(c)} common, ` +
    `${whole(a - c)} only left, ${whole(b - c)} only right.${held}`;
}

function showWords() {
  const { formula, meaning, title } = MEASURES[state.measure];
  $("formula").textContent = formula;
  $("meaning").textContent = meaning;
  const { how } = MODEL.first;
  $("how").textContent = how ? ` Not of the paths as they are: ${how}.` : "";
  const words = `${title} of ${SELECTION_WORDS[state.selection]}`;
  $("scale-title").textContent = words;
  overCanvas.setAttribute("aria-label", `Heatmap of ${MODEL.n} images, ${words}`);
}
