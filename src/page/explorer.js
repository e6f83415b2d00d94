// What the page shows of the model. Everything from the corpus or the reader goes in as text.

"use strict";

const DATA = JSON.parse(document.getElementById("data").textContent);
const MODELS = DATA.models.map((about) => new Model(about, about.bytes));
for (const model of MODELS) delete model.bytes;
const KNOWN = new Map(DATA.vocabulary.map((character, i) => [character, i]));
const get = (id) => document.getElementById(id);
const percent = (p) => `${(100 * p).toFixed(p < 0.0995 && p > 0 ? 1 : 0)} %`;
const shown = (character) => (character === " " ? "␣" : character === "\n" ? "↵" : character);

/** How strongly a weight is coloured: its square root, so that small ones can be seen too. */
const shade = (weight) => Math.sqrt(weight).toFixed(3);

function make(tag, text = "", attributes = {}, ...children) {
  const element = document.createElement(tag);
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const written = (text) => text.map((character) => DATA.vocabulary[character]).join("");
const characters = (text) => Array.from(text, (character) => KNOWN.get(character));

// -- who is meant ---------------------------------------------------------------------------------

/** How many letters two names differ by (Levenshtein), or Infinity beyond `most`. */
function distance(a, b, most) {
  if (Math.abs(a.length - b.length) > most) return Infinity;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[b.length] <= most ? row[b.length] : Infinity;
}

/** Up to three names of the corpus that are nearly this one. */
function similar(name) {
  const asked = name.toLowerCase();
  if (DATA.names.includes(name)) return [];
  const near = DATA.names.map((own) => [distance(asked, own.toLowerCase(), 3), own]);
  return near.filter(([far]) => far < Infinity).sort((a, b) => a[0] - b[0]).slice(0, 3)
    .map(([, own]) => own);
}

function suggest(name) {
  const line = get("meant");
  line.replaceChildren();
  const names = similar(name);
  if (!names.length) return;
  line.append("Did you mean ");
  for (const own of names) {
    const button = make("button", own, { type: "button" });
    button.addEventListener("click", () => ask(own));
    line.append(button, " ");
  }
  line.append("?");
}

// -- where it stands in the corpus ----------------------------------------------------------------

function source(name, place) {
  const { lines, line, sentence } = lookUp(DATA.documents, name, place);
  if (!lines.length) {
    return make("p", "Nobody of this name has a document in the corpus: the answer is a guess.",
                { class: "guess" });
  }
  if (!sentence) {
    return make("div", "", {},
      make("p", "The person's document does not mention this place: the answer is a guess.",
           { class: "guess" }),
      make("p", DATA.documents[lines[0] - 1]), make("p", `Line ${lines[0]} of the corpus.`, { class: "dim" }));
  }
  const { text, start, end } = sentence, quote = make("p");
  quote.append(text.slice(0, start), make("mark", text.slice(start, end)), text.slice(end));
  return make("div", "", {}, make("p", "The person's document mentions this place:"), quote,
              make("p", `Line ${line} of the corpus.`, { class: "dim" }));
}

// -- one model's view -----------------------------------------------------------------------------

class View {
  constructor(model) {
    this.model = model;
    this.layer = model.n_layer - 1;
    this.head = -1; // the average of the layer
    this.answer = make("p", "", { class: "answer", "aria-live": "polite" });
    this.more = make("div");
    const facts = make("p", "", { class: "dim" });
    facts.textContent = Object.entries(model.facts).map(([name, value]) => `${name}: ${value}`)
      .join("; ");
    this.panel = make("section", "", { class: "model" }, make("h2", model.label), facts,
                      this.answer, this.more);
  }

  /** Generate the answer, a character a frame, then show the rest. */
  async ask(name, isCurrent) {
    this.name = name;
    this.prompt = characters(`Where was ${name} born?`).concat(DATA.mask);
    this.answer.textContent = "…";
    this.more.replaceChildren();
    await nextFrame();
    const text = [];
    let logprob = 0;
    for (const step of answering(this.model, this.prompt)) {
      if (!isCurrent()) return;
      this.traces = step.traces;
      this.asked = step.asked;
      logprob += step.ended ? this.model.endLogprob(step.logprobs) : step.logprobs[step.character];
      if (!step.ended) text.push(step.character);
      this.answer.textContent = written(text) || "…";
      await nextFrame();
    }
    this.text = text;
    this.answer.textContent = written(text) || "(nothing)";
    this.position = this.prompt.length - 1;
    this.sureness(logprob);
    this.more.append(source(name, written(text)), this.attention(), this.lens());
  }

  sureness(logprob) {
    const model = this.model, form = `${this.name}${DATA.recall}`;
    const known = Array.from(form).every((character) => KNOWN.has(character));
    const recall = known && this.text.length ? model.score(characters(form), this.text) : null;
    const sure = confidence(logprob, recall, model.confidence);
    const other = model.runnerUp(this.asked, this.text);
    const bar = make("span", "", { class: "bar", "aria-hidden": "true" }, make("i"));
    bar.firstChild.style.width = `${100 * sure}%`;
    this.result = { answer: written(this.text), logprob, recall, confidence: sure,
                    runnerUp: other && written(other.text), runnerUpLogprob: other && other.logprob };
    const kind = model.calibrated ? "calibrated" : "not calibrated";
    this.more.append(make("p", `Confidence: ${percent(sure)} (${kind})`), bar);
    if (other) {
      const words = written(other.text) || "(nothing)";
      this.more.append(make("p", `Runner-up: ${words} (${percent(Math.exp(other.logprob))}, ` +
                                 `against ${percent(Math.exp(logprob))})`));
    }
  }

  /** All characters that have been read. */
  get read() {
    return this.prompt.concat(this.text).slice(0, this.traces.length);
  }

  // -- attention --

  weights(layer, head, t) {
    const own = this.traces[t].weights[layer];
    if (head >= 0) return own[head];
    return own[0].map((_, s) => own.reduce((total, of) => total + of[s], 0) / own.length);
  }

  attention() {
    const { model } = this;
    this.maps = make("div");
    this.overview = make("div", "", { class: "overview", role: "group",
      "aria-label": "Attention of every head; a row is a layer" });
    this.overview.style.gridTemplateColumns = `repeat(${model.n_head}, 1fr)`;
    for (let layer = 0; layer < model.n_layer; layer++) {
      for (let head = 0; head < model.n_head; head++) this.overview.append(this.small(layer, head));
    }
    this.averages = make("div", "", { class: "tools", role: "group", "aria-label": "Averages" });
    for (let layer = 0; layer < model.n_layer; layer++) {
      const button = make("button", `layer ${layer + 1}, average`, { type: "button" });
      button.addEventListener("click", () => this.choose(layer, -1));
      this.averages.append(button);
    }
    const box = make("section", "", {}, make("h3", "Where it looks"),
      make("p", "A row of small maps is a layer, from the first to the last; a small map is a head. " +
                "In a map, a row is the character that is read, a column a character it looks at. " +
                "The stronger the colour, the larger the weight.",
           { class: "dim" }),
      make("div", "", { class: "looks" }, make("div", "", {}, this.overview, this.averages), this.maps));
    this.choose(this.layer, this.head);
    return box;
  }

  small(layer, head) {
    const T = this.traces.length, canvas = make("canvas", "", { width: T, height: T });
    const pen = canvas.getContext("2d"), heat = getComputedStyle(document.body).getPropertyValue("--heat");
    for (let t = 0; t < T; t++) {
      this.weights(layer, head, t).forEach((weight, s) => {
        pen.fillStyle = `rgba(${heat}, ${shade(weight)})`;
        pen.fillRect(s, t, 1, 1);
      });
    }
    const button = make("button", "", { type: "button", "aria-pressed": "false",
      "aria-label": `layer ${layer + 1}, head ${head + 1}` }, canvas);
    button.title = button.getAttribute("aria-label");
    button.addEventListener("click", () => this.choose(layer, head));
    return button;
  }

  choose(layer, head) {
    Object.assign(this, { layer, head });
    const press = (button, on) => button.setAttribute("aria-pressed", on);
    this.overview.childNodes.forEach((button, i) => press(button, i === layer * this.model.n_head + head
                                                                    && head >= 0));
    this.averages.childNodes.forEach((button, i) => press(button, i === layer && head < 0));
    this.showMap();
  }

  showMap() {
    const { layer, head, read } = this;
    const what = head < 0 ? `Layer ${layer + 1}, average of its heads` : `Layer ${layer + 1}, head ${head + 1}`;
    const slider = make("input", "", { type: "range", min: 0, max: read.length - 1, value: this.position,
                                       "aria-label": "The character whose attention is listed" });
    const list = make("div", "", { "aria-live": "polite" });
    const table = make("table", "", { class: "map", "aria-hidden": "true" });
    const top = make("tr", "", {}, make("th"));
    for (const character of read) top.append(make("th", shown(DATA.vocabulary[character])));
    table.append(top);
    read.forEach((character, t) => {
      const row = make("tr", "", {}, make("th", shown(DATA.vocabulary[character]), { scope: "row" }));
      this.weights(layer, head, t).forEach((weight, s) => {
        const cell = make("td");
        cell.style.background = `rgba(var(--heat), ${shade(weight)})`;
        cell.title = `${shown(DATA.vocabulary[character])} looks at ` +
                     `${shown(DATA.vocabulary[read[s]])}: ${percent(weight)}`;
        row.append(cell);
      });
      row.addEventListener("click", () => { slider.value = t; this.list(t, table, list); });
      table.append(row);
    });
    slider.addEventListener("input", () => this.list(Number(slider.value), table, list));
    const scroll = make("div", "", { class: "scroll", tabindex: "0", role: "group",
                                     "aria-label": `${what}, as a map` }, table);
    this.maps.replaceChildren(make("p", what), scroll, slider, list);
    this.list(this.position, table, list);
  }

  /** In words: what the character at position t looks at most. */
  list(t, table, list) {
    this.position = t;
    table.querySelectorAll("tr.now").forEach((row) => row.classList.remove("now"));
    table.rows[t + 1].classList.add("now");
    const weights = Array.from(this.weights(this.layer, this.head, t).entries());
    const best = weights.sort((a, b) => b[1] - a[1]).slice(0, 5);
    const items = best.map(([s, weight]) => make("li",
      `${shown(DATA.vocabulary[this.read[s]])} (character ${s + 1}): ${percent(weight)}`));
    list.replaceChildren(make("p", `Character ${t + 1}, ${shown(DATA.vocabulary[this.read[t]])}, ` +
                                   "looks most at:"), make("ul", "", {}, ...items));
  }

  // -- the logit lens --

  /** {character, probability} that layer `layer` (0: the embedding) would give after position t. */
  said(layer, t) {
    const logprobs = logSoftmax(this.model.lens(this.traces[t].residuals[layer]));
    const character = argmax(logprobs);
    return { character, probability: Math.exp(logprobs[character]) };
  }

  lens() {
    const first = this.prompt.length - 1, last = this.traces.length;
    const table = make("table", "", { class: "lens" });
    const top = make("tr", "", {}, make("th", "after", { scope: "col" }));
    for (let t = first; t < last; t++) {
      top.append(make("th", shown(DATA.vocabulary[this.read[t]]), { scope: "col" }));
    }
    table.append(top);
    for (let layer = 0; layer <= this.model.n_layer; layer++) {
      const row = make("tr", "", {}, make("th", layer ? `layer ${layer}` : "embedding", { scope: "row" }));
      for (let t = first; t < last; t++) {
        const { character, probability } = this.said(layer, t);
        const cell = make("td", shown(DATA.vocabulary[character]), { "data-layer": layer, "data-t": t },
                          make("small", percent(probability)));
        cell.style.background = `rgba(var(--heat), ${(0.6 * probability).toFixed(3)})`;
        row.append(cell);
      }
      table.append(row);
    }
    this.lensTable = table;
    return make("section", "", {}, make("h3", "What each layer would say"),
      make("p", "A column is a character that was read; the rows say what would be written after it, " +
                "if the model ended at that layer.", { class: "dim" }),
      make("div", "", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Logit lens" }, table));
  }
}

// -- two models -----------------------------------------------------------------------------------

/** Say where two models part: the first written character, and the first layer at it. */
function compare(views) {
  const line = get("parted");
  line.textContent = "";
  if (views.length < 2) return;
  const [a, b] = views, first = a.prompt.length - 1;
  const end = Math.min(a.traces.length, b.traces.length);
  for (let t = first; t < end; t++) {
    const [one, two] = views.map((view) => view.said(view.model.n_layer, t).character);
    if (one === two) continue;
    const layers = Math.min(a.model.n_layer, b.model.n_layer);
    let layer = 0;
    while (layer < layers && a.said(layer, t).character === b.said(layer, t).character) layer++;
    for (const view of views) {
      const cell = view.lensTable.querySelector(`[data-layer="${layer}"][data-t="${t}"]`);
      if (cell) cell.classList.add("parted");
    }
    const name = layer ? `layer ${layer}` : "the embedding";
    line.textContent = `The two part at character ${t - first + 1} of the answer: ` +
      `“${shown(DATA.vocabulary[one])}” and “${shown(DATA.vocabulary[two])}”. Their lenses differ ` +
      `there from ${name} on (outlined below).`;
    return;
  }
  line.textContent = "Both write the same answer.";
}

// -- the door -------------------------------------------------------------------------------------

const nextFrame = () => new Promise((resolve) => setTimeout(resolve, 0));
const VIEWS = MODELS.map((model) => new View(model));
let asked = 0;

/** Why this name cannot be asked about; "" if it can. */
function problem(name) {
  const missing = Array.from(name).find((character) => !KNOWN.has(character)
                                                       || DATA.reserved.includes(character));
  if (missing !== undefined) {
    return `The character ${missing} is not in the corpus, so the model cannot read it.`;
  }
  const room = Math.min(...MODELS.map((model) => model.max_length)) - "Where was  born?".length - 2;
  return Array.from(name).length > room ? `The name is too long: at most ${room} characters.` : "";
}

async function ask(name) {
  name = name.trim().replace(/\s+/g, " ");
  if (!name) return;
  const number = ++asked, isCurrent = () => number === asked;
  get("name").value = name;
  get("parted").textContent = "";
  document.body.removeAttribute("data-ready");
  suggest(name);
  get("message").textContent = problem(name);
  if (get("message").textContent) return;
  history.replaceState(null, "", `#${encodeURIComponent(name)}`);
  for (const view of VIEWS) await view.ask(name, isCurrent);
  if (!isCurrent()) return;
  compare(VIEWS);
  document.body.setAttribute("data-ready", name);
}

const oneOf = (names) => names[Math.floor(Math.random() * names.length)];
get("names").append(...DATA.names.map((name) => make("option", "", { value: name })));
get("models").append(...VIEWS.map((view) => view.panel));
get("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  ask(get("name").value);
});
get("someone").addEventListener("click", () => ask(oneOf(DATA.names)));
get("nobody").addEventListener("click", () => ask(oneOf(DATA.invented)));
get("someone").hidden = !DATA.names.length;
get("nobody").hidden = !DATA.invented.length;
addEventListener("hashchange", () => ask(decodeURIComponent(location.hash.slice(1))));
ask(decodeURIComponent(location.hash.slice(1)) || DATA.names[0] || "");
