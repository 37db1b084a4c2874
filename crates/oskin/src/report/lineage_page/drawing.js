// The families as one drawing: generations from left to right, connected families behind their base.

const MOST_DRAWN = 400;
const ROW = 24;
const STEP = 30;
const SVG = "http://www.w3.org/2000/svg";

function svg(tag, attributes = {}, ...inside) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...inside);
  return made;
}

function elide(name, most) {
  const letters = Array.from(name);
  if (letters.length <= most) return name;
  const head = Math.ceil((most - 1) / 2);
  return `${letters.slice(0, head).join("")}…${letters.slice(letters.length - (most - 1 - head)).join("")}`;
}

const pen = document.createElement("canvas").getContext("2d");

function labelWidth(text) {
  pen.font = "13px system-ui, 'Segoe UI', Roboto, sans-serif";
  return pen.measureText(text).width;
}

// Where the images of some roots go: x by generation, y by leaves, a parent amid its children.
function layOut(roots, withFamilies) {
  const next = image => [
    ...MODEL.children[image],
    ...(withFamilies ? MODEL.connected[image].filter(it => MODEL.root[it] === it) : []),
  ];
  const isBelow = image => withFamilies && MODEL.connection[image] && MODEL.connection[image].tells;
  const tops = roots.filter(image => !isBelow(image)).sort((a, b) => reach(b) - reach(a) || a - b);
  function reach(image) {
    return next(image).length === 0 ? 0 : MODEL.below[image] + 1;
  }
  const place = new Map();
  const order = [];
  const open = tops.map(image => [image, 0]).reverse();
  while (open.length > 0) {
    const [image, depth] = open.pop();
    const label = elide(MODEL.names[image], 34);
    place.set(image, { image, depth, label, width: labelWidth(label), next: next(image), y: 0, x: 0 });
    order.push(image);
    for (const below of place.get(image).next.toReversed()) open.push([below, depth + 1]);
  }
  const widest = [];
  let leaf = 0;
  let top = null;
  for (const image of order) {
    const it = place.get(image);
    if (it.depth === 0) {
      if (top !== null) leaf += 0.6;
      top = image;
    }
    if (it.next.length === 0) it.y = leaf++;
    // Only what has something to its right keeps others at a distance.
    if (it.next.length > 0) widest[it.depth] = Math.max(widest[it.depth] || 0, it.width);
  }
  for (const image of order.toReversed()) {
    const it = place.get(image);
    if (it.next.length > 0) it.y = (place.get(it.next[0]).y + place.get(it.next[it.next.length - 1]).y) / 2;
  }
  // Bows of kin swing out as far as 26 to the left of the dots.
  const left = [36];
  for (let depth = 0; depth < widest.length; depth++) left.push(left[depth] + (widest[depth] || 0) + STEP + 14);
  let width = 0;
  for (const it of place.values()) {
    it.x = left[it.depth];
    it.y = (it.y + 0.75) * ROW;
    width = Math.max(width, it.x + it.width + 24);
  }
  return { place, order, width, height: (leaf + 0.5) * ROW };
}

function curve(from, to, attributes) {
  const x = from.x + from.width + 14;
  const middle = (x + to.x - 6) / 2;
  return svg("path", { d: `M${x} ${from.y}C${middle} ${from.y} ${middle} ${to.y} ${to.x - 6} ${to.y}`, ...attributes });
}

function edgePath(from, to) {
  const its = MODEL.edge[to.image];
  if (!its) return curve(from, to, { class: MODEL.above[to.image] === null ? "edge family" : "edge twin" });
  const path = curve(from, to, { class: `edge ${its.kind}` });
  path.style.setProperty("stroke-width", 1 + 1.5 * its.confidence);
  path.style.setProperty("opacity", 0.35 + 0.65 * its.confidence);
  return path;
}

// Twins, rebuilds and siblings: a dotted bow before the dots.
function kinPath(one, other) {
  const [top, low] = one.y < other.y ? [one, other] : [other, one];
  const out = Math.min(top.x, low.x) - 14 - Math.min(18, (low.y - top.y) / 12);
  return svg("path", { class: "edge kin", d: `M${top.x - 5} ${top.y}C${out} ${top.y} ${out} ${low.y} ${low.x - 5} ${low.y}` });
}

function nodeOf(it) {
  const { image, x, y, label } = it;
  const node = svg("g", { class: "node", tabindex: "-1", role: "button", "aria-label": rowWords(image) });
  const text = svg("text", { x: x + 9, y: y + 4.5 });
  text.textContent = label;
  const title = svg("title");
  title.textContent = `${MODEL.names[image]}\n${edgeLine(image)}`;
  const isRoot = MODEL.above[image] === null;
  node.append(title, svg("rect", { x: x - 8, y: y - 11, width: it.width + 24, height: 22, rx: 4 }),
    svg("circle", { cx: x, cy: y, r: isRoot ? 5 : 3.5, class: isRoot ? "root" : "" }), text);
  node.image = image;
  return node;
}

const nodes = new Map();

function draw() {
  nodes.clear();
  const isWhole = MODEL.n <= MOST_DRAWN;
  const root = state.image === null ? null : MODEL.root[state.image];
  if (!isWhole && (root === null || MODEL.below[root] + 1 > MOST_DRAWN)) {
    const why = root === null ? "Choose an image in the list to draw its family."
      : `The family of ${MODEL.names[root]} has ${plural(MODEL.below[root] + 1, "image")}.`;
    $("drawing").replaceChildren(element("p", { class: "hint", text: `A drawing shows ${whole(MOST_DRAWN)} images at most. ${why}` }));
    return;
  }
  const roots = isWhole ? [...MODEL.families, ...MODEL.kinOnly, ...MODEL.alone] : [root];
  const plan = layOut(roots, isWhole);
  const { place, order } = plan;
  const picture = svg("svg", { width: Math.ceil(plan.width), height: Math.ceil(plan.height), role: "group", "aria-label": "Family graph, generations from left to right; arrow keys move" });
  const edges = svg("g");
  const dots = svg("g");
  for (const image of order) for (const below of place.get(image).next) edges.append(edgePath(place.get(image), place.get(below)));
  for (const image of order) {
    for (const { other } of MODEL.kin[image]) {
      if (image < other && place.has(other) && MODEL.above[other] !== image) edges.append(kinPath(place.get(image), place.get(other)));
    }
    const node = nodeOf(place.get(image));
    nodes.set(image, node);
    dots.append(node);
  }
  picture.append(edges, dots);
  if (order.length > 0) nodes.get(order[0]).setAttribute("tabindex", "0");
  picture.addEventListener("click", event => {
    const node = event.target.closest(".node");
    if (node) select(node.image);
  });
  picture.addEventListener("keydown", event => drawingKey(event, place, order));
  const legend = element("p", { class: "legend" });
  for (const [kind, words] of [["parent", "child"], ["child-with-edits", "edited child"], ["contained-in", "holds it"], ["family", "nearest base family"], ["kin", "same files, rebuild or sibling"]]) {
    const sample = svg("svg", { width: 30, height: 10, "aria-hidden": "true" }, svg("path", { class: `edge ${kind}`, d: "M1 5H29" }));
    legend.append(element("span", {}, sample, words));
  }
  const canvas = element("div", { class: "canvas" }, picture);
  $("drawing").replaceChildren(legend, canvas);
  const chosen = place.get(state.image);
  if (chosen) canvas.scrollTo(chosen.x - 80, chosen.y - canvas.clientHeight / 2);
  markDrawing();
}

function drawingKey(event, place, order) {
  const node = event.target.closest(".node");
  if (!node) return;
  const it = place.get(node.image);
  const at = order.filter(image => place.get(image).depth === it.depth);
  const index = at.indexOf(node.image);
  const parent = order.find(image => place.get(image).next.includes(node.image));
  const to = {
    ArrowDown: at[index + 1], ArrowUp: at[index - 1], ArrowRight: it.next[0], ArrowLeft: parent,
    Enter: node.image, " ": node.image,
  }[event.key];
  if (!(event.key.startsWith("Arrow") || event.key === "Enter" || event.key === " ")) return;
  event.preventDefault();
  if (to === undefined) return;
  for (const other of nodes.values()) other.setAttribute("tabindex", "-1");
  nodes.get(to).setAttribute("tabindex", "0");
  nodes.get(to).focus();
  select(to);
}

function markDrawing() {
  for (const [image, node] of nodes) {
    node.classList.toggle("chosen", image === state.image);
    node.classList.toggle("dim", filter !== null && !filter.hits.has(image));
  }
}
