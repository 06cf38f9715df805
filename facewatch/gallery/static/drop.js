// Photos and folders dropped on the page go into a watched folder, one after the other, each whole or not at all.

import { ask, at, element, onStatus, outcomeText, t } from "./shell.js";

const ENDS = ["jpg", "jpeg", "jpe", "jfif", "png", "webp", "tif", "tiff", "bmp", "heic", "heif", "hif", "avif", "mpo"];
const zone = document.getElementById("dropzone");
const panel = document.getElementById("drops");
const list = document.getElementById("drops-list");
const waiting = [];
const open = new Map();  // token -> row
const counted = { sent: 0, failed: 0, all: 0 };
let sending = 0;

const isPhoto = (name) => ENDS.includes(name.split(".").pop().toLowerCase()) && !name.startsWith(".");

async function* filesOf(entry, before) {
  if (entry.isFile) {
    const file = await new Promise((done, failed) => entry.file(done, failed));
    yield [before + file.name, file];
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) return;
    for (const inner of some) yield* filesOf(inner, `${before}${entry.name}/`);
  }
}

function summary() {
  const words = t("drop.summary", { sent: counted.sent, all: counted.all });
  const failed = counted.failed ? ` ${t("drop.failed", { count: counted.failed })}` : "";
  document.getElementById("drops-summary").textContent = words + failed;
}

function add(name, file) {
  panel.hidden = false;
  counted.all += 1;
  const state = element("span", { class: "way" }, t("drop.waiting"));
  const row = element("li", {}, element("span", { class: "name" }, name), state);
  list.append(row);
  if (list.children.length > 300) list.firstElementChild.remove();
  waiting.push({ name, file, state });
  summary();
  next();
}

function next() {
  while (sending < 3 && waiting.length) {
    sending += 1;
    send(waiting.shift()).finally(() => { sending -= 1; summary(); next(); });
  }
}

async function send({ name, file, state }) {
  const inbox = document.getElementById("inbox")?.value ?? 0;
  state.textContent = t("drop.sending");
  try {
    const response = await fetch(at(`api/inbox/${inbox}?name=${encodeURIComponent(name)}`), { method: "PUT", body: file });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error ?? t("app.failed"));
    counted.sent += 1;
    state.textContent = t("drop.arrived");
    open.set(answer.token, state);
  } catch (error) {
    counted.failed += 1;
    state.textContent = error.message;
    state.classList.add("bad");
  }
}

async function follow() {
  if (!open.size) return;
  const ways = await ask(`inbox?tokens=${[...open.keys()].slice(0, 200).join(",")}`);
  for (const [token, way] of Object.entries(ways)) {
    const state = open.get(token);
    if (way.id === null) continue;
    state.replaceChildren(element("a", { href: at(`photos/${way.id}`) }, outcomeText(way.outcome)));
    if (!["waiting", "in work"].includes(way.outcome)) open.delete(token);
  }
}
onStatus(() => { follow().catch(() => {}); });  // the state line tells when the server is away

let depth = 0;
const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
document.addEventListener("dragenter", (event) => { if (hasFiles(event)) { depth += 1; zone.hidden = false; } });
document.addEventListener("dragleave", (event) => { if (hasFiles(event) && (depth -= 1) <= 0) { depth = 0; zone.hidden = true; } });
document.addEventListener("dragover", (event) => { if (hasFiles(event)) event.preventDefault(); });
document.addEventListener("drop", async (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  depth = 0;
  zone.hidden = true;
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  let other = 0;
  for (const entry of entries) {
    for await (const [name, file] of filesOf(entry, "")) {
      if (isPhoto(name.split("/").pop())) add(name, file);
      else other += 1;
    }
  }
  if (other) list.append(element("li", { class: "other" }, t(other === 1 ? "drop.others_one" : "drop.others", { count: other })));
  if (other) panel.hidden = false;
});
document.getElementById("add").addEventListener("click", () => document.getElementById("files").click());
document.getElementById("files").addEventListener("change", (event) => {
  for (const file of event.target.files) add(file.name, file);
  event.target.value = "";
});
document.getElementById("drops-close").addEventListener("click", () => { panel.hidden = true; });
