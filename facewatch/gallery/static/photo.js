// One photo: before and after, its faces, and what to do with it.

import { ask, at, attempt, element, onStatus, outcomeText, post, t, toast, weightWords } from "./shell.js";
import { Stage } from "./stage.js";

const by = (id) => document.getElementById(id);
const number = Number(by("viewer").dataset.number);
const filter = location.search;
const stage = new Stage({ stage: by("stage"), sheet: by("sheet"), before: by("before"), after: by("after"), divider: by("divider"), slider: by("slider") });
const decided = new Map();  // number of a face -> { choice: photo|keep|own, weight }
let photo = null;
let face = null;
let shownKey = "";
let around = {};

const path = (rest = "") => `photos/${number}${rest}`;
const scaleOfCopy = () => (by("before").naturalWidth ? stage.width / by("before").naturalWidth : 1);
const sheetBox = (one) => one.box.map((side) => side * scaleOfCopy());

function load(image, source) {
  return new Promise((done) => {
    image.onload = () => done(true);
    image.onerror = () => { image.removeAttribute("src"); done(false); };
    image.src = source;
  });
}

async function showPictures() {
  const key = photo.key;
  const jobs = [photo.original ? load(by("before"), at(path(`/before?v=${key}`))) : false];
  jobs.push(photo.copy ? load(by("after"), at(path(`/after?v=${key}`))) : false);
  const [before, after] = await Promise.all(jobs);
  by("stage").classList.toggle("single", !(before && after));
  if (!after) by("after").removeAttribute("src");
  if (!before) by("before").removeAttribute("src");
  const note = by("note");
  note.hidden = before && after;
  note.textContent = !before && !after ? t("photo.nothing") : !before ? t("photo.no_original") : t("photo.no_copy");
  stage.ready = true;
  stage.fit();
  stage.share(before && after ? 50 : before ? 100 : 0);
  drawBoxes();
  const area = (one) => (one.restored ? 1e12 : 0) + (one.box[2] - one.box[0]) * (one.box[3] - one.box[1]);
  const restored = [...photo.faces].sort((a, b) => area(b) - area(a))[0];  // the largest restored one
  if (restored) choose(restored, { look: before && after });
}

function drawBoxes() {
  by("boxes").replaceChildren(...photo.faces.map((one, place) => {
    const [x0, y0, x1, y1] = sheetBox(one);
    const box = element("span", { class: "box" }, element("b", {}, String(place + 1)));
    Object.assign(box.style, { left: `${x0}px`, top: `${y0}px`, width: `${x1 - x0}px`, height: `${y1 - y0}px` });
    box.classList.toggle("chosen", one === face);
    box.classList.toggle("kept", !one.restored);
    return box;
  }));
}

function fact(name, value) {
  return value === null || value === undefined || value === "" ? [] : [element("dt", {}, name), element("dd", {}, String(value))];
}

function show() {
  by("outcome").textContent = outcomeText(photo.outcome);
  by("outcome").dataset.outcome = photo.outcome;
  by("summary").textContent = photo.summary;
  by("facts").replaceChildren(
    ...fact(t("photo.folder"), photo.folder),
    ...fact(t("redo.model"), photo.model),
    ...fact(t("weight.label"), photo.model ? weightWords(photo.weight) : null),
    ...fact(t("photo.detector"), photo.detector),
    ...fact(t("photo.took"), photo.seconds === null ? null : t("photo.seconds", { count: photo.seconds.toLocaleString(undefined, { maximumFractionDigits: 1 }) })),
    ...fact(t("photo.copy"), photo.copy),
    ...fact(t("photo.lost"), photo.lost.join("; ")),
  );
  by("retry").hidden = !["failed", "not supported"].includes(photo.outcome) && !photo.reason;
  for (const button of document.querySelectorAll("[data-mark]")) {
    const mark = button.dataset.mark;
    button.setAttribute("aria-pressed", String(photo.marks.includes(mark)));
    button.disabled = mark !== "favourite" && !photo.copy && mark !== "rejected";
  }
  by("replace").closest("label").hidden = !photo.copy;
  by("face-part").hidden = !photo.faces.length;
  showModels();
  showFaces();
}

function showModels() {
  const select = by("model");
  const chosen = select.value || photo.model || photo.default_model;
  select.replaceChildren(...photo.models.map((model) => element("option", { value: model.name, selected: model.name === chosen }, model.here ? model.name : `${model.name} (${t("redo.downloads")})`)));
  if (photo.model && !by("weight").dataset.touched) by("weight").value = photo.weight;
  showWeight();
}

function showWeight() {
  by("weight-words").textContent = weightWords(Number(by("weight").value));
  const live = photo.blend && by("model").value === photo.model;
  by("weight-hint").textContent = t(live ? "weight.live" : "weight.later");
}

function thumb(one) {
  const canvas = element("canvas", { width: "96", height: "96", "aria-hidden": "true" });
  paint(canvas, one, by("after").src ? by("after") : by("before"), by("after").src ? scaleOfCopy() : 1);
  return canvas;
}

function showFaces() {
  by("faces").replaceChildren(...photo.faces.map((one, place) => {
    const words = t("face.name", { number: place + 1 });
    const state = decided.get(one.number)?.choice === "keep" || (!one.restored && !decided.has(one.number)) ? t("face.is_kept") : t("face.is_restored");
    const button = element("button", { type: "button", role: "radio", "aria-checked": String(one === face), tabindex: one === face || (!face && !place) ? "0" : "-1", "aria-label": `${words}: ${state}`, onclick: () => choose(one, { look: true }) }, thumb(one), element("span", {}, String(place + 1)));
    button.classList.toggle("kept", !one.restored);
    button.classList.toggle("decided", decided.has(one.number));
    return button;
  }));
}

function identity(one) {
  if (!one.identity) return "";
  const likeness = one.identity.similarity === undefined || one.identity.similarity === null ? "" : ` (${Math.round(one.identity.similarity * 100)} %)`;
  return `${t(`identity.${String(one.identity.verdict).replaceAll(" ", "_")}`)}${likeness}`;
}

function choose(one, { look }) {
  face = one;
  showFaces();
  drawBoxes();
  if (look && stage.ready) stage.look(sheetBox(one));
  const parts = [one.restored ? t("face.is_restored") : t("face.is_kept")];
  if (one.reason) parts.push(one.reason);
  if (one.restored && photo.model) parts.push(`${photo.model}, ${weightWords(one.weight ?? photo.weight)}`);
  if (one.score) parts.push(t("face.score", { percent: Math.round(one.score * 100) }));
  if (identity(one)) parts.push(identity(one));
  by("face-words").textContent = parts.join(" · ");
  const choice = decided.get(one.number) ?? (one.chosen ? { choice: one.weight === null ? "keep" : "own", weight: one.weight ?? 0 } : { choice: "photo", weight: photo.weight ?? 0 });
  for (const radio of document.querySelectorAll("[name=choice]")) radio.checked = radio.value === choice.choice;
  by("own-weight").hidden = choice.choice !== "own";
  by("own").value = choice.weight;
  by("own-words").textContent = weightWords(Number(choice.weight));
  preview();
}

function decide() {
  if (!face) return;
  const choice = document.querySelector("[name=choice]:checked").value;
  const weight = Number(by("own").value);
  if (choice === "photo" && !face.chosen) decided.delete(face.number);
  else decided.set(face.number, { choice, weight });
  by("own-weight").hidden = choice !== "own";
  by("own-words").textContent = weightWords(weight);
  showFaces();
  preview();
}

function region(one, scale) {
  const [x0, y0, x1, y1] = one.box.map((side) => side * scale);
  const side = Math.max(x1 - x0, y1 - y0) * 1.5;
  return [(x0 + x1 - side) / 2, (y0 + y1 - side) / 2, side, side];
}

function paint(canvas, one, image, scale, alpha = 1) {
  if (!image.naturalWidth) return;
  const pen = canvas.getContext("2d");
  pen.globalAlpha = alpha;
  pen.imageSmoothingQuality = "high";
  pen.drawImage(image, ...region(one, scale), 0, 0, canvas.width, canvas.height);
}

// The copy is (1 - w0) x restored + w0 x original; any other weight follows from these two pictures.
function preview() {
  const canvas = by("crop");
  if (!face) return;
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  const choice = document.querySelector("[name=choice]:checked")?.value ?? "photo";
  const wanted = choice === "keep" ? 1 : choice === "own" ? Number(by("own").value) : Number(by("weight").value);
  const made = face.weight ?? photo.weight ?? 0;
  paint(canvas, face, by("before"), 1);
  if (choice === "keep" || !by("after").naturalWidth) return;
  if (!photo.blend || by("model").value !== photo.model || !face.restored || made >= 1) {
    paint(canvas, face, by("after"), scaleOfCopy());
    return;
  }
  const share = (1 - wanted) / (1 - made);
  if (share <= 1) {
    paint(canvas, face, by("after"), scaleOfCopy(), share);
    return;
  }
  const original = pen.getImageData(0, 0, canvas.width, canvas.height);
  paint(canvas, face, by("after"), scaleOfCopy());
  const mixed = pen.getImageData(0, 0, canvas.width, canvas.height);
  for (let place = 0; place < mixed.data.length; place += 1) {
    if (place % 4 !== 3) mixed.data[place] = original.data[place] + (mixed.data[place] - original.data[place]) * share;
  }
  pen.putImageData(mixed, 0, 0);
}

async function update() {
  photo = await ask(path());
  if (`${photo.key}${photo.copy}` !== shownKey && !["waiting", "in work"].includes(photo.outcome)) {
    shownKey = `${photo.key}${photo.copy}`;
    decided.clear();
    face = null;
    show();
    await showPictures();
    showFaces();
  } else show();
  by("apply").disabled = ["waiting", "in work"].includes(photo.outcome);
}

async function redo(event) {
  event.preventDefault();
  const faces = photo.faces.flatMap((one) => {
    const choice = decided.get(one.number) ?? (one.chosen ? { choice: one.weight === null ? "keep" : "own", weight: one.weight } : null);
    if (!choice || choice.choice === "photo") return [];
    return [{ number: one.number, weight: choice.choice === "keep" ? null : choice.weight }];
  });
  const wanted = { model: by("model").value, weight: Number(by("weight").value), faces, replace: by("replace").checked };
  if (await attempt(() => post(path("/redo"), wanted), t("redo.asked"))) by("apply").disabled = true;
}

async function mark(name) {
  const button = document.querySelector(`[data-mark=${name}]`);
  if (button.disabled) return;
  const had = photo.marks.includes(name);
  let marks = photo.marks.filter((other) => other !== name);
  if (!had && name !== "favourite") marks = marks.filter((other) => other === "favourite");
  if (!had) marks.push(name);
  if (had && name === "rejected") {
    toast(t("mark.was_rejected"));
    return;
  }
  photo.marks = marks;
  button.setAttribute("aria-pressed", String(!had));
  await attempt(() => post(path("/mark"), { marks }), t(had ? "mark.removed" : `mark.said_${name}`));
  if (!had && name !== "favourite" && around.after) go(around.after);
}

const go = (id) => { if (id) location.href = at(`photos/${id}${filter}`); };

async function neighbours() {
  around = await ask(path(`/around${filter}`));
  by("place").textContent = t("photo.place", { place: around.place.toLocaleString(), total: around.total.toLocaleString() });
  for (const [id, other] of [["before-link", around.before], ["after-link", around.after]]) {
    const link = by(id);
    if (other) link.href = at(`photos/${other}${filter}`);
    else link.removeAttribute("href");
    link.setAttribute("aria-disabled", String(!other));
  }
}

async function compare() {
  by("sheet-picture").hidden = true;
  by("sheet-state").textContent = t("redo.comparing");
  by("sheet-dialog").showModal();
  if (!(await attempt(() => post(path("/compare"), { face: face?.number ?? null })))) return;
  for (;;) {
    await new Promise((done) => { setTimeout(done, 1000); });
    const state = await ask(path("/compare"));
    if (state.state === "failed") by("sheet-state").textContent = state.error.join("\n") || t("app.failed");
    if (state.state === "done") {
      by("sheet-state").textContent = "";
      by("sheet-picture").src = at(path(`/sheet.jpg?at=${Date.now()}`));
      by("sheet-picture").hidden = false;
    }
    if (state.state !== "working") return;
  }
}

function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else by("stage").requestFullscreen();
}

let side = 0;
const keys = {
  ArrowLeft: () => go(around.before),
  ArrowRight: () => go(around.after),
  " ": () => { side = Number(stage.slider.value) < 50 ? 100 : 0; stage.share(side); },
  "+": () => stage.zoom(1.4),
  "-": () => stage.zoom(1 / 1.4),
  0: () => stage.fit(),
  a: () => mark("accepted"),
  x: () => mark("rejected"),
  s: () => mark("favourite"),
  f: fullScreen,
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !photo || by("sheet-dialog").open) return;
  const field = event.target.closest("input, select, textarea, [role=radio]");
  if (field && (event.key.startsWith("Arrow") || event.key === " " || field.matches("select"))) return;
  if (event.key === " " && event.target.closest("button, a, summary")) return;
  const act = keys[event.key] ?? keys[event.key.toLowerCase()];
  if (/^[1-9]$/.test(event.key) && photo.faces[event.key - 1]) choose(photo.faces[event.key - 1], { look: true });
  else if (act) {
    event.preventDefault();
    act();
  }
});
by("faces").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const place = (photo.faces.indexOf(face) + step + photo.faces.length) % photo.faces.length;
  choose(photo.faces[place], { look: true });
  by("faces").children[place].focus();
});
for (const radio of document.querySelectorAll("[name=choice]")) radio.addEventListener("change", decide);
by("own").addEventListener("input", decide);
by("weight").addEventListener("input", () => { by("weight").dataset.touched = "yes"; showWeight(); preview(); });
by("model").addEventListener("change", () => {
  const model = photo.models.find((other) => other.name === by("model").value);
  by("weight").value = model.name === photo.model ? photo.weight : model.default_weight;
  showWeight();
  preview();
});
by("redo").addEventListener("submit", redo);
by("all-models").addEventListener("click", compare);
by("retry").addEventListener("click", () => attempt(() => post(path("/retry")), t("redo.asked")));
for (const button of document.querySelectorAll("[data-mark]")) button.addEventListener("click", () => mark(button.dataset.mark));
by("zoom-in").addEventListener("click", () => stage.zoom(1.4));
by("zoom-out").addEventListener("click", () => stage.zoom(1 / 1.4));
by("fit").addEventListener("click", () => stage.fit());
by("actual").addEventListener("click", () => stage.zoom(1 / stage.scale));
by("full").addEventListener("click", fullScreen);
by("back").href = at(`photos${filter}`);

let version = -1;
onStatus((status) => {
  if (status.version === version) return;
  version = status.version;
  update().then(neighbours).catch((error) => toast(error.message, { bad: true }));
});
