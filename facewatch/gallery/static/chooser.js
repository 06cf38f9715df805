// The folder chooser: resolves to a folder's number and path, or to null.

import { ask, attempt, element, post, t } from "./shell.js";

const by = (id) => document.getElementById(id);
const dialog = by("chooser");
let now = null;
let settle = () => {};

function show(listing) {
  now = listing;
  by("chooser-path").textContent = listing.path;
  const go = (number) => async () => {
    const inner = await attempt(() => ask(`chooser?number=${number}`));
    if (inner) show(inner);
  };
  const up = listing.above === null ? [] : [element("button", { type: "button", onclick: go(listing.above) }, `↑ ${t("chooser.up")}`)];
  const rows = listing.folders.map((folder) => element("button", { type: "button", onclick: go(folder.number) }, folder.name));
  by("chooser-list").replaceChildren(...up, ...rows);
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

export async function chooseFolder(title) {
  by("chooser-title").textContent = title;
  const listing = await attempt(() => ask("chooser"));
  if (!listing) return null;
  show(listing);
  dialog.showModal();
  return new Promise((done) => { settle = done; });
}
