// One photo: before and after, its faces, and what to do with it.

import { showFacts } from "./facts.js";
import { listenForArrows, listenForKeys } from "./keys.js";
import { blend, paint, region, Strips } from "./preview.js";
import { ask, at, attempt, element, onStatus, post, reasonText, t, toast, weightWords } from "./shell.js";
import { compare } from "./sheet.js";
import { load, Stage } from "./stage.js";
import { mark, offerEarlier, undo } from "./verdict.js";

const by = (id) => document.getElementById(id);
const number = Number(by("viewer").dataset.number);
const filter = location.search;
const stage = new Stage({ stage: by("stage"), sheet: by("sheet"), before: by("before"), after: by("after"), divider: by("divider"), slider: by("slider") });
const strips = new Strips(number, () => preview());
const decided = new Map();  // number of a face -> { choice: photo|keep|own, weight, model }
let [touched, mood] = [false, ""];  // touched: something was chosen since the page shows this copy
let [photo, face] = [null, null];
let shownKey = "";
let around = {};

const path = (rest = "") => `photos/${number}${rest}`;
const scaleOfCopy = () => (by("before").naturalWidth ? stage.width / by("before").naturalWidth : 1);
const sheetBox = (one) => one.box.map((side) => side * scaleOfCopy());

async function showPictures() {
  const key = photo.key;
  const picture = (which) => load(by(which), at(path(`/${which}?v=${key}`)));
  const [before, after] = await Promise.all([photo.original && picture("before"), photo.copy && picture("after")]);
  by("stage").classList.toggle("single", !(before && after));
  by("slider").disabled = !(before && after);
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

function show() {
  showFacts(photo);
  by("retry").hidden = !["failed", "not supported"].includes(photo.outcome) && !photo.reason;
  for (const button of document.querySelectorAll("[data-mark]")) {
    const mark = button.dataset.mark;
    button.setAttribute("aria-pressed", String(photo.marks.includes(mark)));
    button.disabled = mark !== "favourite" && !photo.copy && mark !== "rejected";
  }
  by("undo").hidden = !photo.undo;
  by("undo").textContent = photo.undo && t(`undo.${photo.undo}`);
  by("replace").closest("label").hidden = !photo.copy;
  by("face-part").hidden = !photo.faces.length;
  by("redo").hidden = false;  // not before what is above it
  showModels();
  showFaces();
}

function showModels() {
  const select = by("model");
  const fill = (list, chosen) => list.replaceChildren(...photo.models.map((model) => element("option", { value: model.name, selected: model.name === chosen }, model.here ? model.name : `${model.name} (${t("redo.downloads")})`)));
  fill(select, select.value || photo.model || photo.default_model);
  fill(by("own-model"), by("own-model").value || select.value);
  if (photo.model && !by("weight").dataset.touched) by("weight").value = photo.weight;
  showWeight();
}

function showWeight() {
  by("weight-words").textContent = weightWords(Number(by("weight").value));
}

function thumb(one) {
  const canvas = element("canvas", { width: "96", height: "96", "aria-hidden": "true" });
  const copy = Boolean(by("after").src);
  paint(canvas, by(copy ? "after" : "before"), region(one.box, copy ? scaleOfCopy() : 1));
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

// What was decided about a face when its copy was made.
function standing(one) {
  const model = one.model ?? photo.model ?? photo.default_model;
  if (!one.chosen) return { choice: "photo", weight: photo.weight ?? 0, model };
  return { choice: one.weight === null ? "keep" : "own", weight: one.weight ?? 0, model };
}

function choose(one, { look }) {
  face = one;
  showFaces();
  drawBoxes();
  if (look && stage.ready) stage.look(sheetBox(one));
  const parts = [one.restored ? t("face.is_restored") : t("face.is_kept")];
  if (one.reason) parts.push(reasonText(one.reason));
  if (one.restored && photo.model) parts.push(`${one.model ?? photo.model}, ${weightWords(one.made ?? one.weight ?? photo.weight)}`);
  if (one.score) parts.push(t("face.score", { percent: Math.round(one.score * 100) }));
  if (identity(one)) parts.push(identity(one));
  by("face-words").textContent = parts.join(" · ");
  const choice = decided.get(one.number) ?? standing(one);
  for (const radio of document.querySelectorAll("[name=choice]")) radio.checked = radio.value === choice.choice;
  by("own-part").hidden = choice.choice !== "own";
  by("own").value = choice.weight;
  by("own-model").value = choice.model;
  by("own-words").textContent = weightWords(Number(choice.weight));
  preview();
}

function decide() {
  if (!face) return;
  const choice = document.querySelector("[name=choice]:checked").value;
  const weight = Number(by("own").value);
  const model = by("own-model").value;
  if (choice === "photo" && !face.chosen) decided.delete(face.number);
  else decided.set(face.number, { choice, weight, model });
  by("own-part").hidden = choice !== "own";
  by("own-words").textContent = weightWords(weight);
  showFaces();
  changed();
}

// The model and weight that a face gets by what is chosen on the page; null: it stays as it was.
function wantedFor(one) {
  const { choice, weight, model } = decided.get(one.number) ?? standing(one);
  if (choice === "keep") return null;
  if (choice === "own") return { model, weight: Number(weight), chosen: true };
  return { model: by("model").value, weight: Number(by("weight").value), chosen: false };
}

function preview() {
  if (!face) return;
  const canvas = by("crop");
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  const before = { image: by("before"), region: region(face.box, 1) };
  const after = { image: by("after"), region: region(face.box, scaleOfCopy()) };
  paint(canvas, before.image, before.region);
  const wanted = wantedFor(face);
  const made = face.made ?? photo.weight ?? 0;
  const same = wanted && face.restored && after.image.naturalWidth && wanted.model === face.model;
  const mixes = same && photo.models.find((model) => model.name === face.model)?.blend && made < 1;
  if (mixes) blend(canvas, before, after, made, wanted.weight);
  else if (same) paint(canvas, after.image, after.region);
  if (wanted && mixes && (!face.identity || wanted.weight >= made)) say("preview.live");  // it was judged at `made`
  else say(...(wanted ? strips.preview(canvas, face.number, wanted, touched ? later(wanted.model) : "") : [""]));
}

function say(key, weight = null) {
  by("crop-hint").dataset.key = key;
  by("crop-hint").textContent = key && t(key, { weight: weight === null ? "" : weightWords(weight) });
}

// Why there is no preview of a model yet.
function later(name) {
  if (!photo.models.find((model) => model.name === name)?.here) return "not_here";
  return mood === "stopped" ? "stopped" : "working";
}

let drawing;
function changed() {
  touched = true;
  preview();
  const wanted = face && wantedFor(face);
  clearTimeout(drawing);
  if (!wanted || by("crop-hint").dataset.key === "preview.live" || later(wanted.model) !== "working") return;
  drawing = setTimeout((one) => strips.want(one, wanted.model), 400, face.number);
}

async function update() {
  photo = await ask(path());
  if (`${photo.key}${photo.copy}` !== shownKey && !["waiting", "in work"].includes(photo.outcome)) {
    shownKey = `${photo.key}${photo.copy}`;
    decided.clear();
    touched = false;
    delete by("weight").dataset.touched;
    for (const list of [by("model"), by("own-model")]) list.replaceChildren();
    face = null;
    show();
    await showPictures();
    showFaces();
  } else {
    face = photo.faces.find((one) => one.number === face?.number) ?? null;  // the same one, as it is known now
    show();
  }
  by("apply").disabled = ["waiting", "in work"].includes(photo.outcome);
}

const asked = () => t(mood === "stopped" ? "redo.asked_stopped" : "redo.asked");
async function redo(event) {
  event.preventDefault();
  const faces = photo.faces.flatMap((one) => {
    const { choice, weight, model } = decided.get(one.number) ?? standing(one);
    if (choice === "photo") return [];
    return [choice === "keep" ? { number: one.number, weight: null } : { number: one.number, weight, model }];
  });
  const wanted = { seen: photo.key, model: by("model").value, weight: Number(by("weight").value), faces, replace: by("replace").checked };
  if (await attempt(() => post(path("/redo"), wanted), asked())) by("apply").disabled = true;
}

async function judge(name) {
  const button = document.querySelector(`[data-mark=${name}]`);
  if (button.disabled) return;
  if (await mark(photo, name, filter, { leaves: Boolean(around.after) })) go(around.after);
  else show();
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

const keys = {
  ArrowLeft: () => go(around.before),
  ArrowRight: () => go(around.after),
  " ": () => stage.share(Number(stage.slider.value) < 50 ? 100 : 0),
  "+": () => stage.zoom(1.4),
  "-": () => stage.zoom(1 / 1.4),
  0: () => stage.fit(),
  a: () => judge("accepted"),
  x: () => judge("rejected"),
  s: () => judge("favourite"),
  z: () => undo(photo, filter),
  f: () => stage.fullScreen(),
};
listenForKeys(keys, {
  away: () => !photo || by("sheet-dialog").open,
  face: (place) => { if (photo.faces[place]) choose(photo.faces[place], { look: true }); },
});
listenForArrows(by("faces"), (step) => {
  const place = (photo.faces.indexOf(face) + step + photo.faces.length) % photo.faces.length;
  choose(photo.faces[place], { look: true });
  return place;
});
for (const radio of document.querySelectorAll("[name=choice]")) radio.addEventListener("change", decide);
by("own").addEventListener("input", decide);
by("own-model").addEventListener("change", () => {
  by("own").value = photo.models.find((other) => other.name === by("own-model").value).default_weight;
  decide();
});
by("weight").addEventListener("input", () => { by("weight").dataset.touched = "yes"; showWeight(); changed(); });
by("model").addEventListener("change", () => {
  const model = photo.models.find((other) => other.name === by("model").value);
  by("weight").value = model.name === photo.model ? photo.weight : model.default_weight;
  showWeight();
  changed();
});
by("undo").addEventListener("click", () => undo(photo, filter));
by("redo").addEventListener("submit", redo);
by("all-models").addEventListener("click", () => compare(number, face?.number ?? null));
by("retry").addEventListener("click", () => attempt(() => post(path("/retry")), asked()));
for (const button of document.querySelectorAll("[data-mark]")) button.addEventListener("click", () => judge(button.dataset.mark));
stage.listenToTools({ zoomIn: by("zoom-in"), zoomOut: by("zoom-out"), fit: by("fit"), actual: by("actual"), full: by("full") });
by("back").href = at(`photos${filter}`);

let version = null;
const follow = () => update().then(neighbours).catch((error) => toast(error.message, { bad: true }));
follow();  // not only once the state of facewatch is known
offerEarlier();
onStatus((status) => {
  mood = status.mood;
  if (status.version === version) return;
  version = status.version;
  follow();
});
