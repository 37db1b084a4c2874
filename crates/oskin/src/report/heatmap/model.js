//! The data of the page: counts, similarities computed from them, and the trees ready to draw.

const SELECTIONS = ["files", "directories", "both"];
const SELECTION_WORDS = { files: "files", directories: "directories", both: "files and directories" };

// In the order and with the names that the library uses; a, b and c are the left set, the right set
// and what they share.
const MEASURES = {
  dice: {
    label: "Dice",
    title: "Dice similarity",
    formula: "2c / (a + b)",
    meaning: "Dice similarity: the paths that two images share, counted twice, over the paths of both. " +
      "1 means the same paths, 0 none in common.",
    of: (a, b, c) => 2 * c / (a + b),
  },
  jaccard: {
    label: "Jaccard",
    title: "Jaccard similarity",
    formula: "c / (a + b − c)",
    meaning: "Jaccard similarity: the paths that two images share, over all different paths of the two. " +
      "It orders pairs as Dice does, but falls faster.",
    of: (a, b, c) => c / (a + b - c),
  },
  containment: {
    label: "Left in right",
    title: "Containment, left in right",
    formula: "c / a",
    meaning: "Containment: which share of the row’s paths (left) the column’s image (right) has too. " +
      "1 means that the row is wholly part of the column.",
    of: (a, b, c) => c / a,
  },
  "containment-right": {
    label: "Right in left",
    title: "Containment, right in left",
    formula: "c / b",
    meaning: "Containment: which share of the column’s paths (right) the row’s image (left) has too. " +
      "1 means that the column is wholly part of the row.",
    of: (a, b, c) => c / b,
  },
  overlap: {
    label: "Overlap",
    title: "Overlap coefficient",
    formula: "c / min(a, b)",
    meaning: "Overlap coefficient: which share of the smaller image’s paths the larger one has too. " +
      "1 means that one of the two is wholly part of the other.",
    of: (a, b, c) => c / Math.min(a, b),
  },
  cosine: {
    label: "Cosine",
    title: "Cosine similarity",
    formula: "c / √(ab)",
    meaning: "Cosine similarity: the geometric mean of both containments. It forgives a difference in size " +
      "more than Dice does.",
    of: (a, b, c) => c / Math.sqrt(a * b),
  },
};

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

// Little-endian numbers of two or four bytes, whatever the byte order of this machine.
function integersOf({ bytes: width, base64 }) {
  const bytes = bytesOf(base64);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const numbers = new Uint32Array(bytes.length / width);
  for (let i = 0; i < numbers.length; i++) {
    numbers[i] = width === 2 ? view.getUint16(2 * i, true) : view.getUint32(4 * i, true);
  }
  return numbers;
}

function floatsOf(base64) {
  const bytes = bytesOf(base64);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

// Every measure of two empty sets is 1, of an empty set and any other 0.
function similarity(measure, { a, b, c }) {
  if (a === 0 || b === 0) return a === b ? 1 : 0;
  return MEASURES[measure].of(a, b, c);
}

const MODEL = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const names = data.names;
  const n = names.length;
  const sizes = {};
  const common = {};
  for (const selection of SELECTIONS) {
    sizes[selection] = integersOf(data.counts[selection].sizes);
    common[selection] = integersOf(data.counts[selection].common);
  }

  const trees = {};
  for (const selection of SELECTIONS) trees[selection] = treeOf(data.trees[selection], n);

  // The counts of an ordered pair of images: pairs i < j lie in the order (0,1), (0,2), … (1,2), ….
  function overlap(selection, i, j) {
    const a = sizes[selection][i];
    const b = sizes[selection][j];
    if (i === j) return { a, b, c: a };
    const [low, high] = i < j ? [i, j] : [j, i];
    return { a, b, c: common[selection][low * (2 * n - low - 1) / 2 + high - low - 1] };
  }

  return { names, n, sizes, common, trees, overlap, first: data, palette: data.palette };
})();

// A tree with all that drawing asks: where each node stands along the leaves and how high, its
// parent, and the span of leaves below it. Nodes 0 to n - 1 are images, n + k is merge k.
function treeOf({ left, right, height, order }, n) {
  const tree = {
    order: integersOf(order),
    position: new Uint32Array(n),
    left: integersOf(left),
    right: integersOf(right),
  };
  const nodes = n + tree.left.length;
  tree.parent = new Int32Array(nodes).fill(-1);
  tree.at = new Float64Array(nodes);
  tree.height = new Float64Array(nodes);
  tree.first = new Uint32Array(nodes);
  tree.last = new Uint32Array(nodes);
  tree.order.forEach((image, place) => {
    tree.position[image] = place;
    tree.at[image] = place + 0.5;
    tree.first[image] = tree.last[image] = place;
  });
  tree.tallest = 0;
  floatsOf(height).forEach((value, k) => {
    const [node, l, r] = [n + k, tree.left[k], tree.right[k]];
    tree.parent[l] = tree.parent[r] = node;
    tree.at[node] = (tree.at[l] + tree.at[r]) / 2;
    tree.height[node] = Math.min(1, Math.max(0, value));
    tree.first[node] = Math.min(tree.first[l], tree.first[r]);
    tree.last[node] = Math.max(tree.last[l], tree.last[r]);
    tree.tallest = Math.max(tree.tallest, tree.height[node]);
  });
  return tree;
}

// The node where the branches of two images meet; the image itself if they are one.
function meetingOf(tree, i, j) {
  let node = i;
  const place = tree.position[j];
  while (node >= 0 && !(tree.first[node] <= place && place <= tree.last[node])) node = tree.parent[node];
  return node;
}

// All similarities in drawn order, row by row, with how often each value occurs between different
// images (a hundred even bins) and the least and greatest of them.
function valuesOf(selection, measure) {
  const { n } = MODEL;
  const { position } = MODEL.trees[selection];
  const sizes = MODEL.sizes[selection];
  const common = MODEL.common[selection];
  const of = MEASURES[measure].of;
  const values = new Float32Array(n * n);
  const bins = new Uint32Array(100);
  let [least, greatest] = [1, 0];
  const put = (row, column, value) => {
    values[row * n + column] = value;
    bins[Math.min(99, Math.floor(value * 100))] += 1;
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  };
  let at = 0;
  for (let i = 0; i < n; i++) {
    const row = position[i];
    const a = sizes[i];
    values[row * n + row] = 1;
    for (let j = i + 1; j < n; j++) {
      const b = sizes[j];
      const c = common[at++];
      const empty = a === 0 || b === 0;
      const edge = a === b ? 1 : 0;
      put(row, position[j], empty ? edge : of(a, b, c));
      put(position[j], row, empty ? edge : of(b, a, c));
    }
  }
  if (least > greatest) [least, greatest] = [0, 1];
  return { values, bins, least, greatest };
}

// A similarity with so many digits. Only 1 and 0 themselves are written without a point, and what is
// not quite 1 is never rounded up to it.
function digits(value, count) {
  if (value === 1 || value === 0) return String(value);
  return Math.min(1 - 10 ** -count, value).toFixed(count);
}

const whole = number => number.toLocaleString("en-US");
