// The families as trees of rows. A row is made when what it stands below is opened, and rows lie flat
// one after the other, so that a chain of thousands nests nothing.

const DEEPEST_INDENT = 12;

// The image of each row, and its row.
const rowOf = new Map();

function makeRow(image, level) {
  const { edge, below, kin, connection } = MODEL;
  const its = edge[image];
  const row = element("div", {
    role: "treeitem", class: "row", tabindex: "-1", "aria-level": level, "aria-selected": "false",
    "aria-label": rowWords(image),
  });
  row.image = image;
  row.style.setProperty("--level", Math.min(level - 1, DEEPEST_INDENT));
  if (below[image] > 0) row.setAttribute("aria-expanded", "false");
  const name = element("span", { class: "name", text: MODEL.names[image] });
  const what = element("span", { class: "what" }, element("i", { class: "twist" }), name);
  if (below[image] > 0) what.append(element("span", { class: "below", text: whole(below[image]) }));
  for (const { kind, other } of kin[image].slice(0, 2)) {
    what.append(element("span", { class: "beside", text: `${kinOf(kind).sign} ${MODEL.names[other]}` }));
  }
  if (kin[image].length > 2) what.append(element("span", { class: "beside", text: `and ${whole(kin[image].length - 2)} more` }));
  const near = connection[image];
  if (near && near.tells) {
    what.append(element("span", { class: "beside", text: `⇢ ${MODEL.names[near.base]} ${percent(near.shared, near.shared + near.missing)}` }));
  }
  row.append(what);
  if (its) {
    const paths = its.evidence.find(proof => proof.kind === "path-containment");
    const size = paths ? `+${whole(paths.added)} −${whole(paths.missing)}` : "";
    row.append(
      element("span", { class: "size", text: size }),
      element("span", { class: `kind ${its.kind}`, text: kindOf(its.kind).short }),
      bar(its.confidence),
      element("span", { class: "number", text: sureness(its.confidence) }),
    );
  }
  rowOf.set(image, row);
  return row;
}

const levelOf = row => Number(row.getAttribute("aria-level"));
const isOpen = row => row.getAttribute("aria-expanded") === "true";
const mayOpen = row => row.hasAttribute("aria-expanded");

function placeRow(row, place, count) {
  row.setAttribute("aria-posinset", place);
  row.setAttribute("aria-setsize", count);
}

// Makes the rows of the images below a row, and with `all` those below them.
function openRow(row, all = false) {
  if (!mayOpen(row)) return;
  if (isOpen(row)) closeRow(row);
  const made = document.createDocumentFragment();
  const add = (image, level, place, count) => {
    const next = makeRow(image, level);
    placeRow(next, place, count);
    return next;
  };
  // The rows that are still to come, the next at the end.
  const pending = [];
  const push = parent => {
    parent.setAttribute("aria-expanded", "true");
    const images = shownChildren(parent.image);
    for (let at = images.length - 1; at >= 0; at--) pending.push([images[at], levelOf(parent) + 1, at + 1, images.length]);
  };
  push(row);
  while (pending.length > 0) {
    const next = add(...pending.pop());
    made.append(next);
    if (all && mayOpen(next)) push(next);
  }
  row.after(made);
}

function closeRow(row) {
  if (!isOpen(row)) return;
  row.setAttribute("aria-expanded", "false");
  const level = levelOf(row);
  for (let next = row.nextElementSibling; next && levelOf(next) > level; next = row.nextElementSibling) {
    rowOf.delete(next.image);
    next.remove();
  }
}

const toggleRow = row => (isOpen(row) ? closeRow(row) : openRow(row));

// What the filter leaves: the images that match and all above them; null without a filter.
let filter = null;

const shownChildren = image => (filter ? MODEL.children[image].filter(it => filter.shown.has(it)) : MODEL.children[image]);

const SECTIONS = [
  { id: "families", title: "Families", images: MODEL.families, open: true },
  { id: "kin-only", title: "No parent found, but kin", images: MODEL.kinOnly, open: true },
  { id: "alone", title: "Alone", images: MODEL.alone, open: MODEL.alone.length <= 100 },
];

// Families of up to so many images in all come open.
const OPEN_IMAGES = 200;

function makeList() {
  rowOf.clear();
  const parts = [];
  for (const section of SECTIONS) {
    const images = filter ? section.images.filter(image => filter.shown.has(image)) : section.images;
    if (images.length === 0) continue;
    const heading = element("h2", { id: `${section.id}-title` }, section.title,
      element("span", { class: "below", text: whole(images.length) }));
    const tree = element("div", { role: "tree", class: "tree", "aria-labelledby": `${section.id}-title` });
    const details = element("details", { class: "part", id: section.id }, element("summary", {}, heading), tree);
    details.open = section.open || filter !== null;
    const fill = () => {
      if (tree.childElementCount > 0) return;
      const rows = images.map((image, at) => {
        const row = makeRow(image, 1);
        placeRow(row, at + 1, images.length);
        return row;
      });
      tree.append(...rows);
      if (rows.length > 0) rows[0].tabIndex = 0;
      if (filter ? filter.shown.size <= 2000 : MODEL.n <= OPEN_IMAGES) rows.forEach(row => openRow(row, true));
      markMatches();
    };
    if (details.open) fill();
    else details.addEventListener("toggle", fill, { once: true });
    section.fill = () => { details.open = true; fill(); };
    parts.push(details);
  }
  $("list").replaceChildren(...parts);
  markMatches();
}

function markMatches() {
  for (const [image, row] of rowOf) row.classList.toggle("match", filter !== null && filter.hits.has(image));
}

function setFilter(text) {
  const words = text.trim().toLowerCase();
  if (words === "") {
    filter = null;
    $("found").textContent = "";
  } else {
    const hits = new Set();
    const shown = new Set();
    MODEL.names.forEach((name, image) => {
      if (!name.toLowerCase().includes(words)) return;
      hits.add(image);
      for (let at = image; at !== null && !shown.has(at); at = MODEL.above[at]) shown.add(at);
    });
    filter = { hits, shown };
    $("found").textContent = hits.size === 0 ? "No name contains this."
      : `${plural(hits.size, "image")} of ${whole(MODEL.n)}` + (shown.size > hits.size ? ", with those above them" : "");
  }
  makeList();
}

// Opens all above an image, and gives its row.
function reveal(image) {
  const way = [];
  for (let at = image; at !== null; at = MODEL.above[at]) way.push(at);
  const root = way[way.length - 1];
  const section = SECTIONS.find(it => it.images.includes(root));
  section.fill();
  for (const above of way.slice(1).reverse()) {
    const row = rowOf.get(above);
    if (!isOpen(row)) openRow(row);
  }
  return rowOf.get(image);
}

// Keys of a tree, as the ARIA practices have them.
function listKey(event) {
  const row = event.target.closest(".row");
  if (!row || event.altKey || event.ctrlKey || event.metaKey) return;
  const tree = row.parentElement;
  const parentRow = () => {
    let above = row.previousElementSibling;
    while (above && levelOf(above) >= levelOf(row)) above = above.previousElementSibling;
    return above;
  };
  const steps = {
    ArrowDown: () => focusRow(row.nextElementSibling),
    ArrowUp: () => focusRow(row.previousElementSibling),
    Home: () => focusRow(tree.firstElementChild),
    End: () => focusRow(tree.lastElementChild),
    ArrowRight: () => (mayOpen(row) && !isOpen(row) ? openRow(row) : isOpen(row) && focusRow(row.nextElementSibling)),
    ArrowLeft: () => (isOpen(row) ? closeRow(row) : focusRow(parentRow())),
    Enter: () => { select(row.image); toggleRow(row); },
    " ": () => { select(row.image); toggleRow(row); },
    "*": () => openRow(row, true),
  };
  if (steps[event.key]) {
    event.preventDefault();
    steps[event.key]();
  } else if (event.key.length === 1 && event.key !== "/") {
    letter(row, event.key.toLowerCase());
  }
}

// Goes to the next row whose name begins with a letter.
function letter(row, key) {
  const begins = it => MODEL.names[it.image].toLowerCase().startsWith(key);
  for (let next = row.nextElementSibling; next; next = next.nextElementSibling) if (begins(next)) return focusRow(next);
  for (let next = row.parentElement.firstElementChild; next !== row; next = next.nextElementSibling) if (begins(next)) return focusRow(next);
}

function focusRow(row) {
  if (!row) return;
  for (const other of row.parentElement.querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
  row.tabIndex = 0;
  row.focus();
}
