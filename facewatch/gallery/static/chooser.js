// The chooser of folders, and of files for a setting: resolves to a number and a path, or to null.

import { ask, attempt, element, post, t } from "./shell.js";

const by = (id) => document.getElementById(id);
const dialog = by("chooser");
let now = null;
let settle = () => {};
let filesFor = "";  // the setting that names a file; empty: a folder is chosen
const listingOf = (number) => ask(`chooser?${new URLSearchParams({ ...(number === null ? {} : { number }), files: filesFor })}`);

function show(listing) {
  now = listing;
  by("chooser-path").textContent = listing.path;
  const go = (number) => async () => {
    const inner = await attempt(() => listingOf(number));
    if (inner) show(inner);
  };
  const up = listing.above === null ? [] : [element("button", { type: "button", onclick: go(listing.above) }, `↑ ${t("chooser.up")}`)];
  const rows = listing.folders.map((folder) => element("button", { type: "button", onclick: go(folder.number) }, folder.name));
  const take = (file) => () => end({ number: file.number, path: `${listing.path}/${file.name}` });
  const files = listing.files.map((file) => element("button", { type: "button", class: "file", onclick: take(file) }, file.name));
  by("chooser-list").replaceChildren(...up, ...rows, ...files);
}

function end(result) {
  dialog.close();
  settle(result);
}

by("chooser-take").addEventListener("click", () => end({ number: now.number, path: now.path }));
by("chooser-cancel").addEventListener("click", () => end(null));
dialog.addEventListener("cancel", () => settle(null));
by("chooser-make").addEventListener("click", async () => {
  const made = await attempt(() => post("chooser", { number: now.number, name: by("chooser-name").value }));
  if (made) {
    by("chooser-name").value = "";
    show(made);
  }
});

export const chooseFolder = (title) => choose(title, "");

// A file that a setting names, among the files that may be one.
export const chooseFile = (title, setting) => choose(title, setting);

async function choose(title, setting) {
  filesFor = setting;
  by("chooser-title").textContent = title;
  for (const button of [by("chooser-take"), by("chooser-make").parentElement]) button.hidden = Boolean(setting);
  const listing = await attempt(() => listingOf(null));
  if (!listing) return null;
  show(listing);
  dialog.showModal();
  return new Promise((done) => { settle = done; });
}
