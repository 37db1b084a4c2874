//! What lies over the picture and changes with the pointer: crosshair, held pair, lit branches.

function drawOver() {
  over.setTransform(geo.ratio, 0, 0, geo.ratio, 0, 0);
  over.clearRect(0, 0, geo.width, geo.height);
  if (MODEL.n === 0) return;
  if (state.branch >= 0) drawCluster(state.branch);
  if (state.held) drawHeld(placesOf(state.held));
  if (state.pair) {
    drawPath(state.pair);
    drawCross(placesOf(state.pair));
  }
}

function placesOf({ left, right }) {
  return { row: tree().position[left], column: tree().position[right] };
}

// Two hairlines beside the row and the column (one through the middle where cells are tiny), with a
// casing of paper so that they show on every color, and the two names.
function drawCross({ row, column }) {
  const cell = view.cell;
  const inside = (a, b) => Math.max(a, Math.min(a + geo.side, b));
  const lines = (start, edge) => (cell >= 5
    ? [start, start + cell] : [start + cell / 2]).filter(at => at >= edge && at <= edge + geo.side);
  clipped(over, geo.left - GAP, geo.top - GAP, geo.side + 2 * GAP, geo.side + 2 * GAP, () => {
    for (const [width, color, alpha] of [[3, theme.paper, 0.55], [1, theme.accent, 1]]) {
      over.beginPath();
      for (const y of lines(rowY(row), geo.top)) over.rect(geo.left - GAP, y - width / 2, geo.side + 2 * GAP, width);
      for (const x of lines(columnX(column), geo.left)) over.rect(x - width / 2, geo.top - GAP, width, geo.side + 2 * GAP);
      over.globalAlpha = alpha;
      over.fillStyle = color;
      over.fill();
    }
    over.globalAlpha = 1;
  });
  const { order } = tree();
  const [y, x] = [inside(geo.top, rowY(row + 0.5)), inside(geo.left, columnX(column + 0.5))];
  drawFlag("right", y, MODEL.names[order[row]], theme.accent);
  drawFlag("below", x, MODEL.names[order[column]], theme.accent);
}

// The held pair: a frame around its cell and flags in quiet ink.
function drawHeld({ row, column }) {
  const size = Math.max(view.cell, 7);
  const x = columnX(column + 0.5) - size / 2;
  const y = rowY(row + 0.5) - size / 2;
  clipped(over, geo.left - 4, geo.top - 4, geo.side + 8, geo.side + 8, () => {
    for (const [width, color] of [[5, theme.paper], [2, theme.ink]]) {
      over.lineWidth = width;
      over.strokeStyle = color;
      over.strokeRect(x, y, size, size);
    }
  });
  const { order } = tree();
  const [middleY, middleX] = [y + size / 2, x + size / 2];
  if (middleY >= geo.top && middleY <= geo.top + geo.side) drawFlag("right", middleY, MODEL.names[order[row]], theme.ink);
  if (middleX >= geo.left && middleX <= geo.left + geo.side) drawFlag("below", middleX, MODEL.names[order[column]], theme.ink);
}

// A name on a filled strip, over whatever names are below it.
function drawFlag(side, middle, name, color) {
  const font = `600 12px ${theme.sans}`;
  over.font = font;
  const room = (side === "right" ? geo.right : geo.below) - GAP - 6;
  const width = over.measureText(elided(over, name, room)).width + 8;
  over.fillStyle = color;
  over.beginPath();
  if (side === "right") over.roundRect(geo.left + geo.side + GAP, middle - 9, width, 18, 3);
  else over.roundRect(middle - 9, geo.top + geo.side + GAP, 18, width, 3);
  over.fill();
  over.fillStyle = theme.paper;
  drawName(over, side, middle, name, font);
}

// The way from both images up to where they meet, in both trees.
function drawPath({ left, right }) {
  const it = tree();
  const top = meetingOf(it, left, right);
  if (top < MODEL.n) return;
  for (const [color, width] of [[theme.paper, 4], [theme.accent, 1.75]]) {
    over.strokeStyle = color;
    over.lineWidth = width;
    clipped(over, geo.left, geo.top - GAP - geo.tree, geo.side, geo.tree + 1, () => {
      over.beginPath();
      for (const leaf of [left, right]) {
        climb(it, leaf, top, (at, up, move) => over[move](columnX(at), geo.top - GAP - up));
      }
      over.stroke();
    });
    clipped(over, geo.left - GAP - geo.tree, geo.top, geo.tree + 1, geo.side, () => {
      over.beginPath();
      for (const leaf of [left, right]) {
        climb(it, leaf, top, (at, up, move) => over[move](geo.left - GAP - up, rowY(at)));
      }
      over.stroke();
    });
  }
}

function climb(it, leaf, top, draw) {
  let node = leaf;
  draw(it.at[node], 0, "moveTo");
  while (node !== top && it.parent[node] >= 0) {
    const up = rise(it.height[it.parent[node]]);
    draw(it.at[node], up, "lineTo");
    node = it.parent[node];
    draw(it.at[node], up, "lineTo");
  }
}

// The group under the pointer in a tree: its square of cells, and its span in both trees.
function drawCluster(node) {
  const it = tree();
  const size = (it.last[node] - it.first[node] + 1) * view.cell;
  const [x, y] = [columnX(it.first[node]), rowY(it.first[node])];
  clipped(over, geo.left - 2, geo.top - 2, geo.side + 4, geo.side + 4, () => {
    for (const [width, color] of [[5, theme.paper], [2, theme.accent]]) {
      over.lineWidth = width;
      over.strokeStyle = color;
      over.strokeRect(x, y, size, size);
    }
  });
  over.globalAlpha = 0.16;
  over.fillStyle = theme.accent;
  const up = rise(it.height[node]) + 3;
  clipped(over, geo.left, geo.top - GAP - geo.tree, geo.side, geo.tree + 1, () => {
    over.fillRect(x, geo.top - GAP - up, size, up);
  });
  clipped(over, geo.left - GAP - geo.tree, geo.top, geo.tree + 1, geo.side, () => {
    over.fillRect(geo.left - GAP - up, y, up, size);
  });
  over.globalAlpha = 1;
}

const legendCanvas = document.getElementById("legend");

// The color scale with how often each value occurs above it, and a marker for the pair in sight.
function drawLegend() {
  const box = legendCanvas.getBoundingClientRect();
  if (box.width === 0 || !shownValues) return;
  legendCanvas.width = Math.round(box.width * geo.ratio);
  legendCanvas.height = Math.round(box.height * geo.ratio);
  const context = legendCanvas.getContext("2d");
  context.setTransform(geo.ratio, 0, 0, geo.ratio, 0, 0);
  const [left, width] = [6, box.width - 12];
  const [bars, bar] = [34, 12];
  const most = Math.sqrt(Math.max(1, ...shownValues.bins));
  context.fillStyle = theme.branch;
  shownValues.bins.forEach((count, bin) => {
    // Square roots, so that a few alike pairs show beside many unlike ones.
    const height = count === 0 ? 0 : Math.max(1, Math.sqrt(count) / most * (bars - 4));
    context.fillRect(left + bin * width / 100, bars - height, Math.max(1, width / 100 - 0.6), height);
  });
  const steps = Math.ceil(width);
  for (let step = 0; step < steps; step++) {
    context.fillStyle = `rgb(${theme.colors[levelOf(step / (steps - 1))].join(" ")})`;
    context.fillRect(left + step, bars + 2, 1.5, bar);
  }
  context.strokeStyle = theme.line;
  context.strokeRect(left - 0.5, bars + 1.5, width + 1, bar + 1);
  context.fillStyle = theme.muted;
  context.font = `11px ${theme.sans}`;
  context.textBaseline = "top";
  context.textAlign = "center";
  for (const tick of [0, 0.25, 0.5, 0.75, 1]) {
    context.fillRect(left + tick * width - 0.5, bars + bar + 3, 1, 4);
    context.fillText(String(tick), left + tick * width, bars + bar + 10);
  }
  const pair = state.pair || state.held;
  if (pair) {
    const value = similarity(state.measure, MODEL.overlap(state.selection, pair.left, pair.right));
    drawPointer(context, left + value * width, bars + 2, bar);
  }
}

function drawPointer(context, x, top, height) {
  for (const [width, color] of [[5, theme.paper], [2, theme.accent]]) {
    context.fillStyle = color;
    context.fillRect(x - width / 2, top - 3, width, height + 6);
  }
}
