// The images and what stands below what, from the data of the page.

const DATA = JSON.parse(document.getElementById("data").textContent);

const MODEL = (() => {
  const { names, above } = DATA;
  const n = names.length;
  const edge = new Array(n).fill(null);
  for (const [child, parent, kind, confidence, evidence, alternatives] of DATA.edges) {
    edge[child] = { child, parent, kind, confidence, evidence, alternatives };
  }
  const children = Array.from({ length: n }, () => []);
  const roots = [];
  above.forEach((up, image) => (up === null ? roots : children[up]).push(image));

  // Each image after the one that it stands below.
  const order = [...roots];
  for (let at = 0; at < order.length; at++) order.push(...children[order[at]]);
  const below = new Array(n).fill(0);
  const root = Array.from({ length: n }, (_, image) => image);
  for (const image of order) if (above[image] !== null) root[image] = root[above[image]];
  for (let at = order.length - 1; at >= 0; at--) {
    const image = order[at];
    if (above[image] !== null) below[above[image]] += below[image] + 1;
  }

  const kin = Array.from({ length: n }, () => []);
  for (const [kind, [first, later]] of DATA.kin) {
    kin[first].push({ kind, other: later });
    kin[later].push({ kind, other: first });
  }
  const connection = new Array(n).fill(null);
  const connected = Array.from({ length: n }, () => []);
  for (const [image, base, shared, missing, tells] of DATA.connections) {
    connection[image] = { base, shared, missing, tells };
    if (tells) connected[base].push(image);
  }
  const most = (a, b) => below[b] - below[a] || a - b;
  const families = roots.filter(image => below[image] > 0).sort(most);
  const singles = roots.filter(image => below[image] === 0);
  return {
    n, names, above, edge, children, below, root, kin, connection, connected, families,
    kinOnly: singles.filter(image => kin[image].length > 0),
    alone: singles.filter(image => kin[image].length === 0),
    edges: DATA.edges.length,
    pathsOnly: DATA.pathsOnly,
  };
})();

const $ = id => document.getElementById(id);

// An element with attributes, the text among them, and children; names only ever come in as text.
function element(tag, { text, ...attributes } = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  made.append(...inside);
  return made;
}
