// The first steps, and one photo to see that it works.

import { chooseFolder } from "./chooser.js";
import { ask, at, onStatus, outcomeText, post, t } from "./shell.js";

const by = (id) => document.getElementById(id);
const chosen = {};
let token = null;

for (const button of document.querySelectorAll("[data-choose]")) {
  button.addEventListener("click", async () => {
    const folder = await chooseFolder(button.getAttribute("aria-label"));
    if (!folder) return;
    chosen[button.dataset.choose] = folder.number;
    by(button.dataset.choose).textContent = folder.path;
  });
}

const model = () => document.querySelector("[name=model]:checked");
function licence() { by("accept-line").hidden = !model()?.dataset.question; }
for (const radio of document.querySelectorAll("[name=model]")) radio.addEventListener("change", licence);
licence();

function complain(text) {
  by("error").hidden = !text;
  by("error").textContent = text;
}

async function start() {
  const name = model().value;
  if (model().dataset.question) {
    if (!by("accept").checked) throw new Error(t("welcome.must_accept"));
    await post(`models/${encodeURIComponent(name)}/accept`);
  }
  await post("welcome", { ...chosen, model: name });
  await post("login", { enabled: by("login").checked });
  const status = await ask("status");
  if (status.mood === "stopped") await post("start");
  token = (await post("welcome/try")).token;
  by("trial").hidden = false;
  by("trial").scrollIntoView({ block: "nearest" });
}

by("go").addEventListener("click", async () => {
  complain("");
  by("go").disabled = true;
  try {
    await start();
  } catch (error) {
    complain(error.message);
    by("go").disabled = false;
  }
});

onStatus(async () => {
  if (token === null) return;
  const way = (await ask(`inbox?tokens=${token}`))[token];
  if (!way || way.id === null) return;
  const working = ["waiting", "in work"].includes(way.outcome);
  by("trial-state").textContent = working ? t("welcome.trying") : `${outcomeText(way.outcome)}. ${way.reason ?? ""}`;
  if (working) return;
  token = null;
  by("trial-link").href = at(`photos/${way.id}`);
  by("trial-link").hidden = false;
});
