// The sheet that shows one face with each model and weight.

import { ask, at, attempt, post, t } from "./shell.js";

const by = (id) => document.getElementById(id);

export async function compare(number, face) {
  by("sheet-picture").hidden = true;
  by("sheet-state").textContent = t("redo.comparing");
  by("sheet-dialog").showModal();
  if (!(await attempt(() => post(`photos/${number}/compare`, { face })))) return;
  for (;;) {
    await new Promise((done) => { setTimeout(done, 1000); });
    const state = await ask(`photos/${number}/compare`);
    if (state.state === "failed") by("sheet-state").textContent = state.error.join("\n") || t("app.failed");
    if (state.state === "done") {
      by("sheet-state").textContent = "";
      by("sheet-picture").src = at(`photos/${number}/sheet.jpg?at=${Date.now()}`);
      by("sheet-picture").hidden = false;
    }
    if (state.state !== "working") return;
  }
}
