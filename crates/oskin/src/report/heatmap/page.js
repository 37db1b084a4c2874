//! The hands: pointer, wheel, touch, keyboard, switches and search.

function setPair(pair) {
  const same = (a, b) => (a === b) || (a && b && a.left === b.left && a.right === b.right);
  if (same(pair, state.pair)) return;
  state.pair = pair;
  redraw("over", "legend");
  speak();
}

function hold(pair) {
  state.held = pair;
  showPair();
  redraw("over", "legend");
  speak();
}

function toggleHold(pair) {
  const again = state.held && state.held.left === pair.left && state.held.right === pair.right;
  hold(again ? null : { ...pair });
}

// What lies at a point of the figure: a cell, a name, a branch, or nothing.
function hit(x, y) {
  if (MODEL.n === 0) return { kind: "nothing" };
  const { order } = tree();
  const place = at => Math.min(MODEL.n - 1, Math.max(0, Math.floor(at)));
  const column = place(view.x + (x - geo.left) / view.cell);
  const row = place(view.y + (y - geo.top) / view.cell);
  const across = x >= geo.left && x < geo.left + geo.side;
  const down = y >= geo.top && y < geo.top + geo.side;
  if (across && down) return { kind: "cell", pair: { left: order[row], right: order[column] } };
  const beyond = Math.max(x - geo.left, y - geo.top) - geo.side;
  if (view.cell >= LABEL_CELL && beyond >= 0) {
    if (down && beyond < reachOf("right", order[row])) return { kind: "name", image: order[row] };
    if (across && beyond < reachOf("below", order[column])) return { kind: "name", image: order[column] };
  }
  const above = across && y < geo.top ? branchAt(order[column], geo.top - GAP - y) : -1;
  const beside = down && x < geo.left ? branchAt(order[row], geo.left - GAP - x) : -1;
  const node = Math.max(above, beside);
  return node >= 0 ? { kind: "branch", node } : { kind: "nothing" };
}

// How far from the cells the name of an image ends.
function reachOf(side, image) {
  base.font = `12.5px ${theme.sans}`;
  return Math.min(geo[side], base.measureText(MODEL.names[image]).width + GAP + 6);
}

// The smallest group with an image whose bar is at least as high as the pointer, if there is one.
function branchAt(leaf, up) {
  if (up > geo.tree) return -1;
  const it = tree();
  let node = it.parent[leaf];
  while (node >= 0 && rise(it.height[node]) < up - 3) node = it.parent[node];
  return node;
}

function hover(x, y, withCard) {
  const under = hit(x, y);
  overCanvas.classList.toggle("branch", under.kind === "branch");
  overCanvas.classList.toggle("name", under.kind === "name" || under.kind === "nothing");
  const node = under.kind === "branch" ? under.node : -1;
  if (node !== state.branch) {
    state.branch = node;
    redraw("over");
  }
  setPair(under.kind === "cell" ? under.pair : null);
  const cards = {
    cell: () => pairCard(under.pair),
    name: () => nameCard(under.image),
    branch: () => branchCard(under.node),
    nothing: () => null,
  };
  showTip(withCard ? cards[under.kind]() : null, x, y);
}

// Zooms so that the cell under a point of the figure stays there.
function zoomAt(x, y, factor) {
  const old = view.cell;
  view.cell = Math.min(mostCell(), Math.max(leastCell(), old * factor));
  const inside = at => Math.min(geo.side, Math.max(0, at));
  const [dx, dy] = [inside(x - geo.left), inside(y - geo.top)];
  view.x += dx / old - dx / view.cell;
  view.y += dy / old - dy / view.cell;
  viewChanged();
}

function viewChanged() {
  clampView();
  const isWhole = view.cell <= leastCell() * 1.001;
  $("zoom-out").disabled = $("zoom-all").disabled = isWhole;
  $("zoom-in").disabled = view.cell >= mostCell() * 0.999;
  // While all is shown, a finger scrolls the page up and down; zoomed in, it moves the picture.
  overCanvas.style.touchAction = isWhole ? "pan-y" : "none";
  redraw("base");
}

// Buttons and keys move the cells away from under the pointer, so its card goes.
function zoomMiddle(factor) {
  showTip(null);
  zoomAt(geo.left + geo.side / 2, geo.top + geo.side / 2, factor);
}

function showAll() {
  showTip(null);
  Object.assign(view, { x: 0, y: 0, cell: leastCell() });
  viewChanged();
}

// Shows the images from one place to another, with a little around them.
function showSpan(first, last) {
  const count = last - first + 1;
  view.cell = Math.min(mostCell(), geo.side / (count + (count < MODEL.n ? 0.6 : 0)));
  const middle = (first + last + 1) / 2 - geo.side / view.cell / 2;
  Object.assign(view, { x: middle, y: middle });
  viewChanged();
}

// Brings an image to the middle, close enough to read its name, and puts the crosshair on it.
function goTo(image) {
  view.cell = Math.max(view.cell, Math.min(mostCell(), 16));
  const middle = tree().position[image] + 0.5 - geo.side / view.cell / 2;
  Object.assign(view, { x: middle, y: middle });
  viewChanged();
  showTip(null);
  setPair({ left: image, right: image });
}

// Moves the crosshair by cells and keeps it in view.
function step(rows, columns) {
  if (MODEL.n === 0) return;
  const { order } = tree();
  const clamp = place => Math.min(MODEL.n - 1, Math.max(0, place));
  const start = state.pair || state.held;
  let row = clamp(Math.floor(view.y + geo.side / view.cell / 2));
  let column = clamp(Math.floor(view.x + geo.side / view.cell / 2));
  if (start) {
    const places = placesOf(start);
    row = clamp(places.row + rows);
    column = clamp(places.column + columns);
  }
  const span = geo.side / view.cell;
  view.y = Math.min(row, Math.max(row + 1 - span, view.y));
  view.x = Math.min(column, Math.max(column + 1 - span, view.x));
  viewChanged();
  showTip(null);
  setPair({ left: order[row], right: order[column] });
}

const fingers = new Map(); // pointers that are down, by id: their last point
let travel = 0; // how far they moved since the first went down; a click moves hardly

function localPoint(event) {
  const box = overCanvas.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

function pointerDown(event) {
  if (event.button !== 0) return;
  if (fingers.size === 0) travel = 0;
  fingers.set(event.pointerId, localPoint(event));
  overCanvas.setPointerCapture(event.pointerId);
}

function pointerMove(event) {
  const now = localPoint(event);
  const before = fingers.get(event.pointerId);
  if (!before) {
    hover(now.x, now.y, event.pointerType === "mouse");
    return;
  }
  travel += Math.hypot(now.x - before.x, now.y - before.y);
  if (travel < 4 && fingers.size === 1) return;
  if (fingers.size === 2) {
    const [id] = [...fingers.keys()].filter(other => other !== event.pointerId);
    const still = fingers.get(id);
    const spread = point => Math.max(8, Math.hypot(point.x - still.x, point.y - still.y));
    zoomAt((now.x + still.x) / 2, (now.y + still.y) / 2, spread(now) / spread(before));
  } else {
    overCanvas.classList.add("grab");
    showTip(null);
  }
  view.x -= (now.x - before.x) / view.cell / fingers.size;
  view.y -= (now.y - before.y) / view.cell / fingers.size;
  fingers.set(event.pointerId, now);
  viewChanged();
}

function pointerUp(event) {
  if (!fingers.delete(event.pointerId)) return;
  overCanvas.classList.remove("grab");
  if (event.type === "pointercancel" || travel >= 4 || fingers.size > 0) return;
  const { x, y } = localPoint(event);
  const under = hit(x, y);
  if (under.kind === "cell") toggleHold(under.pair);
  if (under.kind === "branch") showSpan(tree().first[under.node], tree().last[under.node]);
  // A finger cannot hover, so its tap shows the card, unless it has just let the pair go.
  hover(x, y, event.pointerType === "mouse" || state.held !== null);
}

function pointerLeave(event) {
  if (fingers.size > 0 || event.pointerType !== "mouse") return;
  state.branch = -1;
  showTip(null);
  setPair(null);
  redraw("over");
}

function wheel(event) {
  event.preventDefault();
  const lines = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
  const { x, y } = localPoint(event);
  zoomAt(x, y, Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.008 : 0.0018)));
  hover(x, y, true);
}

// Keys that work anywhere on the page unless something is being typed.
function pageKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target === $("search");
  const keys = {
    Escape: () => {
      showTip(null);
      if (typing && $("search").value !== "") clearSearch();
      else hold(null);
    },
    "/": () => $("search").focus(),
    0: showAll,
    "+": () => zoomMiddle(1.4),
    "=": () => zoomMiddle(1.4),
    "-": () => zoomMiddle(1 / 1.4),
  };
  const act = keys[event.key];
  if (!act || (typing && event.key !== "Escape")) return;
  event.preventDefault();
  act();
}

// Keys of the picture itself.
function pictureKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const far = event.shiftKey ? 10 : 1;
  const keys = {
    ArrowUp: () => step(-far, 0),
    ArrowDown: () => step(far, 0),
    ArrowLeft: () => step(0, -far),
    ArrowRight: () => step(0, far),
    Home: () => step(-MODEL.n, -MODEL.n),
    End: () => step(MODEL.n, MODEL.n),
    Enter: () => state.pair && toggleHold(state.pair),
    " ": () => state.pair && toggleHold(state.pair),
  };
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function search() {
  const words = $("search").value.trim().toLowerCase();
  const matching = image => MODEL.names[image].toLowerCase().includes(words);
  state.matches = words === "" ? [] : Array.from(tree().order).filter(matching);
  showMatches();
  redraw("base");
}

function clearSearch() {
  $("search").value = "";
  search();
}

// A row of radio buttons that look like one switch.
function choice(box, name, entries, current, choose) {
  for (const [value, label, title] of entries) {
    const input = element("input", { type: "radio", name, value });
    input.checked = value === current;
    input.addEventListener("change", () => choose(value));
    box.append(element("label", { title }, input, element("span", { text: label })));
  }
}

function selectionChosen(selection) {
  state.selection = selection;
  state.branch = -1;
  search();
  measureChosen(state.measure);
}

function measureChosen(measure) {
  state.measure = measure;
  refreshValues();
  showWords();
  showPair();
  speak();
}

function themeChanged() {
  readTheme();
  paintImage();
  redraw("base", "legend");
}

function listen() {
  overCanvas.addEventListener("pointerdown", pointerDown);
  overCanvas.addEventListener("pointermove", pointerMove);
  overCanvas.addEventListener("pointerup", pointerUp);
  overCanvas.addEventListener("pointercancel", pointerUp);
  overCanvas.addEventListener("pointerleave", pointerLeave);
  overCanvas.addEventListener("wheel", wheel, { passive: false });
  overCanvas.addEventListener("dblclick", showAll);
  overCanvas.addEventListener("keydown", pictureKey);
  overCanvas.addEventListener("focus", () => {
    if (overCanvas.matches(":focus-visible") && !state.pair) step(0, 0);
  });
  document.addEventListener("keydown", pageKey);
  $("zoom-in").addEventListener("click", () => zoomMiddle(1.6));
  $("zoom-out").addEventListener("click", () => zoomMiddle(1 / 1.6));
  $("zoom-all").addEventListener("click", showAll);
  $("search").addEventListener("input", search);
  $("controls").addEventListener("submit", event => event.preventDefault());
  $("stretch").addEventListener("change", () => {
    state.stretch = $("stretch").checked;
    themeChanged();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", themeChanged);
  new ResizeObserver(() => {
    measureFigure();
    viewChanged();
  }).observe($("figure"));
}

function start() {
  choice($("selections"), "selection", SELECTIONS.map(it => [it, it[0].toUpperCase() + it.slice(1), SELECTION_WORDS[it]]),
    state.selection, selectionChosen);
  choice($("measures"), "measure", Object.entries(MEASURES).map(([it, { label, formula }]) => [it, label, formula]),
    state.measure, measureChosen);
  readTheme();
  measureFigure();
  measureChosen(state.measure);
  showAll();
  listen();
}

start();
