//! The picture: geometry, view, and the canvas with cells, trees and names.

const baseCanvas = document.getElementById("base");
const overCanvas = document.getElementById("over");
const base = baseCanvas.getContext("2d", { alpha: false });
const over = overCanvas.getContext("2d");

// What is shown; pairs are kept as images, not as places, so that they survive a new order.
const state = {
  selection: MODEL.first.selection,
  measure: MODEL.first.measure,
  stretch: false,
  pair: null, // under the pointer or the crosshair: { left, right }
  held: null, // clicked
  branch: -1, // the tree node under the pointer
  matches: [],
};

// The part in view: the cell at the top left corner (may be fractional) and pixels for one cell.
const view = { x: 0, y: 0, cell: 1 };

const LABEL_CELL = 9; // the smallest cell, in pixels, that gets a name
const GRID_CELL = 13; // … that gets a gap
const VALUE_CELL = 21; // … that gets its value printed
const MOST_CELL = 64; // the largest cell when zoomed in
const GAP = 6;
const NARROW = 560; // a figure of less width, in pixels, is that of a phone

// Filled in by measureFigure: sizes in CSS pixels.
const geo = { width: 0, height: 0, ratio: 1, left: 0, top: 0, side: 1, tree: 0, right: 0, below: 0 };
const theme = {};
let shownValues = null; // of the current selection and measure
const image = document.createElement("canvas"); // one pixel for each cell
const dirty = new Set(); // the parts that the next frame draws anew

const tree = () => MODEL.trees[state.selection];
const leastCell = () => geo.side / Math.max(1, MODEL.n);
const mostCell = () => Math.max(leastCell(), MOST_CELL);

function readTheme() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["paper", "raised", "ink", "muted", "line", "branch", "accent", "sans"]) {
    theme[name] = style.getPropertyValue(`--${name}`).trim();
  }
  theme.dark = matchMedia("(prefers-color-scheme: dark)").matches;
  // On dark paper the scale is read from its other end: nothing in common lies near the paper.
  const bytes = MODEL.palette.match(/../g).map(pair => parseInt(pair, 16));
  theme.colors = Array.from({ length: 256 }, (_, level) => {
    const at = 3 * (theme.dark ? 255 - level : level);
    return bytes.slice(at, at + 3);
  });
  // As the still pictures choose: by the light of the color, for which squares are near enough.
  theme.inks = theme.colors.map(([r, g, b]) =>
    (2126 * r * r + 7152 * g * g + 722 * b * b > 156060000 ? "#161b22" : "#ffffff"));
}

// Chooses the range of values that the colors span. A single value cannot be stretched: it would
// take the color of nothing in common even where all images are the same.
function spanColors() {
  const canStretch = state.stretch && shownValues.greatest > shownValues.least;
  const { least, greatest } = canStretch ? shownValues : { least: 0, greatest: 1 };
  theme.low = least;
  theme.perUnit = 255 / (greatest - least);
}

// The level of a value on the color scale, 0 to 255.
function levelOf(value) {
  const level = Math.round((value - theme.low) * theme.perUnit);
  return level < 0 ? 0 : level > 255 ? 255 : level;
}

// Fills the image of one pixel per cell from the values. A new selection or measure changes the
// values, a new theme or stretch only their colors.
function paintImage() {
  const { n } = MODEL;
  spanColors();
  if (n === 0) return;
  const { values } = shownValues;
  image.width = image.height = n;
  const context = image.getContext("2d");
  const pixels = context.createImageData(n, n);
  const bytes = new Uint8Array(4 * 256);
  theme.colors.forEach(([r, g, b], level) => bytes.set([r, g, b, 255], 4 * level));
  // Both sides go through memory in the same byte order, so this is right on every machine.
  const colors = new Uint32Array(bytes.buffer);
  const target = new Uint32Array(pixels.data.buffer);
  for (let i = 0; i < target.length; i++) target[i] = colors[levelOf(values[i])];
  context.putImageData(pixels, 0, 0);
}

function refreshValues() {
  shownValues = valuesOf(state.selection, state.measure);
  paintImage();
  redraw("base", "legend");
}

// Distributes the figure: trees at the top and on the left, names on the right and below, and
// between them the largest square that fits.
function measureFigure() {
  const { n, names } = MODEL;
  const box = overCanvas.parentElement.getBoundingClientRect();
  const wasWhole = view.cell <= leastCell() * 1.001;
  geo.width = box.width;
  geo.height = box.height;
  geo.ratio = window.devicePixelRatio || 1;
  for (const canvas of [baseCanvas, overCanvas]) {
    canvas.width = Math.max(1, Math.round(geo.width * geo.ratio));
    canvas.height = Math.max(1, Math.round(geo.height * geo.ratio));
  }
  const narrow = geo.width < NARROW;
  const margin = narrow ? 8 : 16;
  geo.tree = narrow ? 54 : Math.min(110, Math.max(66, geo.height * 0.13));
  geo.left = margin + geo.tree + GAP;
  geo.top = margin + geo.tree + GAP;
  // The boldest form, in which a flag or a search match shows a name.
  base.font = `600 12.5px ${theme.sans}`;
  const longest = names.reduce((most, name) => Math.max(most, name.length), 0);
  const widest = names.filter(name => name.length >= longest * 0.8)
    .reduce((most, name) => Math.max(most, base.measureText(name).width), 0);
  const wanted = Math.max(40, widest + GAP + 12);
  // Below, names take height from the cells: more where all of them are shown at once.
  const namesFit = n * LABEL_CELL < geo.height * 0.6;
  geo.below = Math.min(wanted, geo.height * (namesFit || narrow ? 0.21 : 0.15));
  geo.right = Math.min(wanted, geo.width * (narrow ? 0.22 : 0.28));
  const room = Math.min(geo.width - geo.left - geo.right, geo.height - geo.top - geo.below) - 8;
  geo.side = Math.floor(Math.max(40, Math.min(room, 110 * Math.max(1, n))));
  // What the square leaves over goes to the names first and to the margins then.
  geo.right = Math.min(wanted, geo.width - geo.left - geo.side - 8);
  geo.below = Math.min(wanted, geo.height - geo.top - geo.side - 8);
  const spare = Math.max(0, geo.width - geo.left - geo.side - geo.right);
  geo.left += Math.floor(spare / 2);
  if (wasWhole) Object.assign(view, { x: 0, y: 0, cell: leastCell() });
  clampView();
  redraw("base", "legend");
}

function clampView() {
  view.cell = Math.min(mostCell(), Math.max(leastCell(), view.cell));
  const most = Math.max(0, MODEL.n - geo.side / view.cell);
  view.x = Math.min(most, Math.max(0, view.x));
  view.y = Math.min(most, Math.max(0, view.y));
}

const columnX = place => geo.left + (place - view.x) * view.cell;
const rowY = place => geo.top + (place - view.y) * view.cell;

// The places whose cells are at least partly in view, along one axis.
function placesInView(start) {
  const first = Math.max(0, Math.floor(start));
  const last = Math.min(MODEL.n - 1, Math.ceil(start + geo.side / view.cell) - 1);
  return [first, last];
}

// Asks for a new frame; many changes between two frames cost one drawing.
function redraw(...parts) {
  if (dirty.size === 0) requestAnimationFrame(drawFrame);
  for (const part of parts) dirty.add(part);
}

function drawFrame() {
  if (dirty.has("base")) drawBase();
  if (dirty.has("base") || dirty.has("over")) drawOver();
  if (dirty.has("legend")) drawLegend();
  dirty.clear();
}

function drawBase() {
  base.setTransform(geo.ratio, 0, 0, geo.ratio, 0, 0);
  base.fillStyle = theme.paper;
  base.fillRect(0, 0, geo.width, geo.height);
  if (MODEL.n === 0) return;
  clipped(base, geo.left, geo.top, geo.side, geo.side, () => {
    drawCells();
    if (view.cell >= GRID_CELL) drawGrid();
    if (view.cell >= VALUE_CELL) drawValues();
  });
  drawTrees();
  drawNames();
  base.strokeStyle = theme.line;
  base.lineWidth = 1;
  if (view.cell < GRID_CELL) base.strokeRect(geo.left - 0.5, geo.top - 0.5, geo.side + 1, geo.side + 1);
}

function clipped(context, x, y, width, height, draw) {
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  draw();
  context.restore();
}

function drawCells() {
  const span = geo.side / view.cell;
  // Hard edges when cells are larger than device pixels; where several cells share one, their mean
  // keeps a single unlike image from vanishing between the sampled ones.
  const small = view.cell * geo.ratio < 1;
  base.imageSmoothingEnabled = small;
  base.imageSmoothingQuality = "medium";
  base.drawImage(image, view.x, view.y, span, span, geo.left, geo.top, geo.side, geo.side);
}

// Gaps between cells in the color of the paper, on whole device pixels.
function drawGrid() {
  const snap = value => Math.round(value * geo.ratio) / geo.ratio;
  base.fillStyle = theme.paper;
  const [left, right] = placesInView(view.x);
  for (let place = left; place <= right + 1; place++) base.fillRect(snap(columnX(place)) - 0.5, geo.top, 1, geo.side);
  const [top, bottom] = placesInView(view.y);
  for (let place = top; place <= bottom + 1; place++) base.fillRect(geo.left, snap(rowY(place)) - 0.5, geo.side, 1);
}

function drawValues() {
  const { n } = MODEL;
  const [left, right] = placesInView(view.x);
  const [top, bottom] = placesInView(view.y);
  const size = Math.min(14, Math.max(9.5, view.cell * 0.36));
  const count = view.cell >= 46 ? 3 : 2;
  base.font = `${size}px ${theme.sans}`;
  base.textAlign = "center";
  base.textBaseline = "alphabetic";
  // A cell that is cut by the edge has no room for its value.
  const isWhole = (at, edge) => at >= edge - view.cell * 0.15 && at + view.cell * 0.85 <= edge + geo.side;
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      if (!isWhole(rowY(row), geo.top) || !isWhole(columnX(column), geo.left)) continue;
      const value = shownValues.values[row * n + column];
      let words = digits(value, count);
      // Small cells have no room for the zero before the point.
      if (view.cell < 28) words = words.replace(/^0\./, ".");
      base.fillStyle = theme.inks[levelOf(value)];
      base.fillText(words, columnX(column + 0.5), rowY(row + 0.5) + size * 0.36);
    }
  }
}

// Pixels that a height of the tree takes.
const rise = height => (tree().tallest > 0 ? height / tree().tallest * (geo.tree - 4) : 0);

function drawTrees() {
  drawTreeAxis();
  base.strokeStyle = theme.branch;
  base.lineWidth = MODEL.n > 200 && view.cell < 4 ? 0.6 : 1;
  clipped(base, geo.left, geo.top - GAP - geo.tree, geo.side, geo.tree + 1, () => {
    base.beginPath();
    eachBracket(view.x, columnX, (from, to, low, high, up) => {
      const y = geo.top - GAP;
      base.moveTo(from, y - low);
      base.lineTo(from, y - up);
      base.lineTo(to, y - up);
      base.lineTo(to, y - high);
    });
    base.stroke();
  });
  clipped(base, geo.left - GAP - geo.tree, geo.top, geo.tree + 1, geo.side, () => {
    base.beginPath();
    eachBracket(view.y, rowY, (from, to, low, high, up) => {
      const x = geo.left - GAP;
      base.moveTo(x - low, from);
      base.lineTo(x - up, from);
      base.lineTo(x - up, to);
      base.lineTo(x - high, to);
    });
    base.stroke();
  });
}

// Calls back for every merge whose leaves are at least partly in view, with pixel places of its two
// legs, the heights of their feet and the height of the bar.
function eachBracket(start, toPixel, draw) {
  const it = tree();
  const [firstShown, lastShown] = placesInView(start);
  for (let k = 0; k < it.left.length; k++) {
    const node = MODEL.n + k;
    if (it.last[node] < firstShown || it.first[node] > lastShown) continue;
    const [l, r] = [it.left[k], it.right[k]];
    draw(toPixel(it.at[l]), toPixel(it.at[r]), rise(it.height[l]), rise(it.height[r]), rise(it.height[node]));
  }
}

// Hairlines behind the upper tree with their distances on its right.
function drawTreeAxis() {
  const { tallest } = tree();
  const most = geo.tree < 80 ? 2 : 3;
  const step = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1].find(it => tallest / it <= most + 0.99);
  if (!(tallest >= step)) return;
  base.font = `10.5px ${theme.sans}`;
  base.textAlign = "left";
  base.textBaseline = "alphabetic";
  const right = geo.left + geo.side;
  const room = geo.width - right - 8;
  const ticks = Math.floor(tallest / step + 1e-6);
  for (let tick = 0; tick <= ticks; tick++) {
    const y = Math.round(geo.top - GAP - rise(tick * step)) + 0.5;
    base.fillStyle = theme.line;
    base.fillRect(geo.left, y - 0.5, geo.side + 4, 1);
    base.fillStyle = theme.muted;
    const number = tick === 0 ? "0" : (tick * step).toFixed(step < 0.1 ? 2 : 1);
    base.fillText(tick === ticks && room > 84 ? `${number} distance` : number, right + 8, y + 3.5);
  }
}

const widths = new Map();

// A name that fits into a width: the middle goes first, because names differ at both ends.
function elided(context, name, room) {
  const key = `${context.font}\n${Math.round(room)}\n${name}`;
  const known = widths.get(key);
  if (known !== undefined) return known;
  let result = name;
  if (context.measureText(name).width > room) {
    const letters = Array.from(name);
    let [low, high] = [0, letters.length];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (context.measureText(shortened(letters, middle)).width <= room) low = middle;
      else high = middle - 1;
    }
    result = shortened(letters, low);
  }
  if (widths.size > 20000) widths.clear();
  widths.set(key, result);
  return result;
}

function shortened(letters, kept) {
  const head = Math.ceil(kept / 2);
  const tail = kept - head;
  return letters.slice(0, head).join("") + "…" + (tail > 0 ? letters.slice(-tail).join("") : "");
}

// Names beside the rows and below the columns: all of them when cells are high enough, otherwise
// only those found by the search, as far as they do not touch each other.
function drawNames() {
  const { order } = tree();
  const found = new Set(state.matches);
  const all = view.cell >= LABEL_CELL;
  const size = all ? Math.min(12.5, Math.max(8.5, view.cell * 0.82)) : 11.5;
  const along = start => {
    const [first, last] = placesInView(start);
    const places = [];
    for (let place = first; place <= last; place++) {
      if (all || found.has(order[place])) places.push(place);
    }
    return places;
  };
  for (const side of ["right", "below"]) {
    let free = -Infinity;
    for (const place of along(side === "right" ? view.y : view.x)) {
      const isFound = found.has(order[place]);
      const middle = side === "right" ? rowY(place + 0.5) : columnX(place + 0.5);
      const edge = side === "right" ? geo.top : geo.left;
      if (middle < edge - 1 || middle > edge + geo.side + 1) continue;
      if (isFound) drawTick(side, middle);
      if (!all && middle < free) continue;
      free = middle + 13;
      base.fillStyle = isFound ? theme.accent : found.size > 0 ? theme.muted : theme.ink;
      drawName(base, side, middle, MODEL.names[order[place]], `${isFound ? "600 " : ""}${size}px ${theme.sans}`);
    }
  }
}

// One name at the right of a row or, turned, below a column.
function drawName(context, side, middle, name, font) {
  context.save();
  context.font = font;
  context.textBaseline = "middle";
  const offset = GAP + 4;
  if (side === "right") {
    context.textAlign = "left";
    context.fillText(elided(context, name, geo.right - offset - 2), geo.left + geo.side + offset, middle);
  } else {
    context.translate(middle, geo.top + geo.side + offset);
    context.rotate(-Math.PI / 2);
    context.textAlign = "right";
    context.fillText(elided(context, name, geo.below - offset - 2), 0, 0);
  }
  context.restore();
}

// The mark of a search match at the edge of the cells.
function drawTick(side, middle) {
  base.fillStyle = theme.accent;
  const thick = Math.min(6, Math.max(1.5, view.cell - 2));
  if (side === "right") base.fillRect(geo.left + geo.side + 1, middle - thick / 2, 6, thick);
  else base.fillRect(middle - thick / 2, geo.top + geo.side + 1, thick, 6);
}
