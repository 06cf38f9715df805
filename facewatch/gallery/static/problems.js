// What is wrong, by cause, each with the button that helps.

import { ask, at, attempt, element, onStatus, post, sentence, size, t, toast } from "./shell.js";

const by = (id) => document.getElementById(id);
let drawn = "";

const remedies = {
  settings: () => element("a", { class: "button", href: at("settings") }, t("problems.to_settings")),
  folder: () => element("a", { class: "button", href: `${at("settings")}#folders-title` }, t("problems.to_folders")),
  model: ({ model }) => (model ? element("button", { type: "button", onclick: () => fetchModel(model) }, t("problems.fetch", { model })) : toModels(t("problems.to_models"))),
  space: () => element("button", { type: "button", onclick: freeSpace }, t("problems.free_space")),
};
const remedy = (one) => remedies[one.remedy]?.(one) ?? null;
const toModels = (words) => element("a", { class: "button", href: `${at("settings")}#models-title` }, words);

async function fetchModel(name) {
  const row = (await attempt(() => ask("models")))?.models.find((model) => model.name === name);
  if (!row) return;
  if (row.question) location.href = `${at("settings")}#models-title`;  // the licence is accepted there
  else await attempt(() => post(`models/${encodeURIComponent(name)}/download`), t("problems.fetching", { model: name }));
}

async function freeSpace() {
  const freed = await attempt(() => post("problems/space"));
  if (freed) toast(t("problems.freed", { size: size(freed.freed_bytes) }));
}

function trouble(one) {
  return element("section", { class: "card-box" }, element("p", { class: "summary" }, sentence(one.text)),
    element("div", { class: "actions" }, remedy(one)));
}

function group(one) {
  const photos = one.photos.map((photo) => element("li", {}, element("a", { href: at(`photos/${photo.id}`) }, photo.name), ` ${photo.reason}`));
  const again = element("button", { type: "button", class: "primary", onclick: () => attempt(() => post("problems/retry", { error: one.error, cause: one.cause }), t("problems.asked")) }, t(one.count === 1 ? "problems.retry_one" : "problems.retry", { count: one.count }));
  return element("section", { class: "card-box" },
    element("h2", {}, sentence(one.title) || t("problems.unknown")),
    element("p", {}, t(one.count === 1 ? "photos.count_one" : "photos.count", { count: one.count }), one.waiting ? ` · ${t(one.waiting === 1 ? "problems.will_retry_one" : "problems.will_retry", { count: one.waiting })}` : ""),
    one.advice ? element("p", {}, sentence(one.advice)) : null,
    element("div", { class: "actions" }, again, remedy(one)),
    element("details", {}, element("summary", {}, t("problems.which")), element("ul", {}, ...photos)));
}

async function draw() {
  const found = await ask("problems");
  const text = JSON.stringify(found);
  if (text === drawn) return;
  drawn = text;
  by("troubles").replaceChildren(...found.troubles.map(trouble));
  by("groups").replaceChildren(...found.groups.map(group));
  by("none").hidden = found.troubles.length + found.groups.length > 0;
  by("rest").hidden = false;  // not before what is above it
  const log = by("log");
  const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
  log.textContent = found.log || t("problems.no_log");
  if (atEnd) log.scrollTop = log.scrollHeight;
}
onStatus(() => draw().catch(() => {}));  // the state line tells when the server is away
