// The page as a whole: what is chosen, which view is shown, and what the controls do.

const state = { image: null, view: "list" };

// Chooses an image: its evidence goes into the panel.
function select(image) {
  const before = rowOf.get(state.image);
  if (before) before.setAttribute("aria-selected", "false");
  state.image = image;
  const row = rowOf.get(image);
  if (row) row.setAttribute("aria-selected", "true");
  $("evidence").replaceChildren(...evidenceOf(image));
  $("panel").classList.add("open");
  $("panel").scrollTop = 0;
  markDrawing();
}

// Shows an image wherever it is, and chooses it.
function goTo(image) {
  if (filter && !filter.shown.has(image)) {
    $("search").value = "";
    setFilter("");
  }
  const row = reveal(image);
  select(image);
  if (state.view === "drawing") {
    if (MODEL.n > MOST_DRAWN) draw();
    const node = nodes.get(image);
    if (node) {
      node.scrollIntoView({ block: "center", inline: "center" });
      node.focus({ preventScroll: true });
    }
    return;
  }
  row.scrollIntoView({ block: "center" });
  focusRow(row);
}

function showView(view) {
  state.view = view;
  $("list").hidden = view !== "list";
  $("drawing").hidden = view !== "drawing";
  for (const id of ["open-all", "close-all"]) $(id).disabled = view !== "list";
  if (view === "drawing") draw();
  else if (state.image !== null) reveal(state.image).scrollIntoView({ block: "nearest" });
}

function lead() {
  const { n, edges, families, kinOnly, alone, pathsOnly } = MODEL;
  if (n === 0) return "There is nothing to show.";
  const parts = [
    `${whole(edges)} of ${plural(n, "image")} ${edges === 1 ? "has its" : "have their"} parent among these`,
    plural(families.length, "family", "families"),
  ];
  if (kinOnly.length > 0) parts.push(`${whole(kinOnly.length)} kin without a parent`);
  if (alone.length > 0) parts.push(`${whole(alone.length)} alone`);
  return `${parts.join("; ")}.` + (pathsOnly ? " Told by paths alone." : "");
}

function welcome() {
  $("evidence").replaceChildren(element("p", { class: "hint", text: "Choose an image to see what speaks for its parent." }));
}

function listen() {
  $("list").addEventListener("click", event => {
    const row = event.target.closest(".row");
    if (!row) return;
    // A click opens; only on a row that is chosen, or on its twist, it closes.
    if (!isOpen(row) || event.target.closest(".twist") || state.image === row.image) toggleRow(row);
    select(row.image);
    focusRow(row);
  });
  $("list").addEventListener("keydown", listKey);
  $("list").addEventListener("focusin", event => {
    const row = event.target.closest(".row");
    if (row && row.matches(":focus-visible") && row.image !== state.image) select(row.image);
  });
  $("list").addEventListener("mouseover", event => {
    const row = event.target.closest(".row");
    if (row && !row.title) row.title = edgeLine(row.image);
  });
  let waiting = 0;
  $("search").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      setFilter($("search").value);
      markDrawing();
    }, 120);
  });
  $("controls").addEventListener("submit", event => event.preventDefault());
  for (const input of document.querySelectorAll('[name="view"]')) input.addEventListener("change", () => showView(input.value));
  $("open-all").addEventListener("click", () => {
    SECTIONS.filter(section => section.fill).forEach(section => section.fill());
    for (const row of document.querySelectorAll('.row[aria-level="1"]')) openRow(row, true);
    markMatches();
  });
  $("close-all").addEventListener("click", () => {
    for (const row of document.querySelectorAll('.row[aria-level="1"]')) closeRow(row);
  });
  $("panel-close").addEventListener("click", () => $("panel").classList.remove("open"));
  document.addEventListener("keydown", event => {
    if (event.key === "/" && event.target.tagName !== "INPUT") {
      event.preventDefault();
      $("search").focus();
    } else if (event.key === "Escape") {
      $("panel").classList.remove("open");
    }
  });
}

function start() {
  $("lead").textContent = lead();
  makeList();
  listen();
  welcome();
  const asked = new URLSearchParams(location.hash.slice(1));
  if (asked.get("view") === "drawing") {
    document.querySelector('[value="drawing"]').checked = true;
    showView("drawing");
  }
  const image = MODEL.names.indexOf(asked.get("image"));
  if (image >= 0) goTo(image);
}

start();
