// What is known of an image, in words.

const whole = number => number.toLocaleString("en-US");
const plural = (number, one, many = one + "s") => `${whole(number)} ${number === 1 ? one : many}`;
const percent = (part, all) => (all === 0 ? "0 %" : `${Number((100 * part / all).toFixed(1))} %`);
// Never rounded up to certainty.
const sureness = value => (value < 1 ? Math.min(value, 0.99) : 1).toFixed(2);

const KINDS = {
  "parent": { short: "child", long: "It kept all of the parent." },
  "child-with-edits": { short: "edited child", long: "It deleted or changed some of the parent’s files." },
  "contained-in": {
    short: "holds it",
    long: "It holds all of the parent, but nothing tells a child from an image that merely holds as much.",
  },
};
const KIN = {
  "identical": { sign: "=", words: "the same files with the same contents as" },
  "same-paths": { sign: "same paths as", words: "the same paths as" },
  "rebuild": { sign: "≈", words: "one system built twice: this and" },
  "sibling": { sign: "~", words: "a sibling of" },
};
const kindOf = kind => KINDS[kind] || { short: kind, long: "" };
const kinOf = kind => KIN[kind] || { sign: "~", words: `${kind}:` };

// How sure a confidence is, in words.
function degree(confidence) {
  if (confidence >= 0.95) return "as good as certain";
  if (confidence >= 0.8) return "likely";
  if (confidence > 0.5) return "more likely than not";
  return "no more than a guess";
}

const PROOFS = {
  "layer-chain": it => [
    "Layers",
    `The child begins with ${it.layers === 1 ? "the one layer" : `all ${whole(it.layers)} layers`} of the parent` +
      (it.with_empty ? "." : ", if layers without files are left out."),
  ],
  "content-containment": it => [
    "Contents",
    `Of ${plural(it.same + it.changed, "file")} in both, ${whole(it.same)} ` +
      `(${percent(it.same, it.same + it.changed)}) have the same content, ${whole(it.changed)} another.` +
      (it.volatile > 0 ? ` ${plural(it.volatile, "file")} that programs write anew do not count.` : ""),
  ],
  "declared": it => [
    "Declared",
    `The child declares ${it.base} as its base` + ({
      "confirmed": ", and it is.",
      "ancestor": ", and the parent stands on that.",
    }[it.standing] || "; layers and contents do not confirm that."),
  ],
  "left-over": it => [
    "Clean-up",
    `The child is what is left of the parent: it lacks ${plural(it.deleted, "file")} in ${plural(it.deletions, "deletion")}, ` +
      `adds ${whole(it.added)}, and has the same packages on record.`,
  ],
  "path-containment": it => [
    "Paths",
    `The child has ${whole(it.shared)} of the parent’s ${plural(it.shared + it.missing, "file")}, ` +
      `${it.missing === 0 ? "lacks none" : `lacks ${whole(it.missing)}`} and adds ${whole(it.added)}. ` +
      `Rare paths count more: shared ${it.shared_weight.toPrecision(4)}, ` +
      `missing ${Number(it.missing_weight.toPrecision(3))}, score ${it.score.toPrecision(4)}.` +
      (it.deletions === null ? "" : ` What is missing takes ${plural(it.deletions, "deletion")}.`),
  ],
};

// A proof as a heading and a sentence; of kinds that this page does not know, all that is there.
function proofWords(proof) {
  const known = PROOFS[proof.kind];
  if (known) return known(proof);
  const facts = Object.entries(proof).filter(([name]) => name !== "kind");
  return [proof.kind.replaceAll("-", " "), facts.map(([name, value]) =>
    `${name.replaceAll("_", " ")}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join("; ")];
}

// All of an edge in one line.
function edgeLine(image) {
  const edge = MODEL.edge[image];
  if (!edge) return "No parent among these images.";
  const proofs = edge.evidence.map(proof => proofWords(proof).join(": "));
  return `${edge.kind === "contained-in" ? "Holds" : "Built from"} ${MODEL.names[edge.parent]}, ${sureness(edge.confidence)} sure. ${proofs.join(" ")}`;
}

// What a row says to those who hear it.
function rowWords(image) {
  const edge = MODEL.edge[image];
  const words = [MODEL.names[image]];
  if (edge) words.push(`${edge.kind === "contained-in" ? "holds" : `${kindOf(edge.kind).short} of`} ${MODEL.names[edge.parent]}, ${sureness(edge.confidence)} sure`);
  for (const { kind, other } of MODEL.kin[image]) words.push(`${kinOf(kind).words} ${MODEL.names[other]}`);
  if (MODEL.below[image] > 0) words.push(plural(MODEL.below[image], "descendant"));
  return words.join(", ");
}

// A button that goes to an image.
function link(image) {
  const button = element("button", { type: "button", class: "link", text: MODEL.names[image] });
  button.addEventListener("click", () => goTo(image));
  return button;
}

const MOST_LINKS = 30;

function links(images) {
  const list = element("ul", { class: "links" }, ...images.slice(0, MOST_LINKS).map(image => element("li", {}, link(image))));
  if (images.length > MOST_LINKS) list.append(element("li", { class: "hint", text: `and ${whole(images.length - MOST_LINKS)} more` }));
  return list;
}

// The panel for an image.
function evidenceOf(image) {
  const { edge, kin, connection, connected, children, below } = MODEL;
  const parts = [element("p", { class: "subject", text: MODEL.names[image] })];
  const part = (heading, ...inside) => parts.push(element("section", {}, element("h3", { text: heading }), ...inside));
  const its = edge[image];
  if (its) {
    const sure = element("p", { class: "sure" }, bar(its.confidence),
      `${sureness(its.confidence)}, ${degree(its.confidence)}`);
    part("Built from", element("p", {}, link(its.parent)), sure,
      element("p", { class: "hint", text: kindOf(its.kind).long }));
    const facts = element("dl");
    for (const proof of its.evidence) {
      const [heading, words] = proofWords(proof);
      facts.append(element("dt", { text: heading }), element("dd", { text: words }));
    }
    part("What speaks for it", facts);
    if (its.alternatives.length > 0) part("As good a parent, or nearly", links(its.alternatives));
    const up = [];
    for (let at = its.parent; at !== null && up.length < 1000; at = MODEL.above[at]) up.push(at);
    if (up.length > 1) part("The way up", links(up));
  } else if (MODEL.above[image] !== null) {
    part("Stands beside", element("p", {}, link(MODEL.above[image])));
  } else {
    part("Root", element("p", { text: "No parent among these images." }));
  }
  for (const { kind, other } of kin[image]) {
    part(kind.replaceAll("-", " "), element("p", { text: `${kinOf(kind).words} ` }, link(other)));
  }
  const near = connection[image];
  if (near) {
    const has = `It has ${whole(near.shared)} of the ${plural(near.shared + near.missing, "file")} of that base` +
      (near.tells ? "." : ", too few to tell a family.");
    part(near.tells ? "Nearest base family" : "No nearest base family", element("p", {}, link(near.base)), element("p", { class: "hint", text: has }));
  }
  if (connected[image].length > 0) part("Families nearest to this one", links(connected[image]));
  if (children[image].length > 0) {
    part(`${plural(below[image], "descendant")}, ${whole(children[image].length)} directly`, links(children[image]));
  }
  return parts;
}

// A confidence as a bar.
function bar(confidence) {
  const fill = element("i");
  fill.style.setProperty("width", `${Math.round(100 * confidence)}%`);
  return element("span", { class: "bar", "aria-hidden": "true" }, fill);
}
