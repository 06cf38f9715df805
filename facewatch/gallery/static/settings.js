// The settings: each is checked while it is typed and saved when it is left.

import { chooseFile, chooseFolder } from "./chooser.js";
import { attempt, element, post, t } from "./shell.js";
import { showModels } from "./models.js";

function valueOf(field) {
  return field.type === "checkbox" ? field.checked : field.value;
}

function complain(field, text) {
  const box = field.closest(".field")?.querySelector(".error");
  if (!box) return;
  box.hidden = !text;
  box.textContent = text;
  field.setAttribute("aria-invalid", String(Boolean(text)));
}

async function send(field, check) {
  try {
    await post("settings", { key: field.dataset.setting, value: valueOf(field), check });
    complain(field, "");
    const saved = field.closest(".field").querySelector(".saved");
    saved.textContent = check ? "" : t("settings.saved");
    if (!check) setTimeout(() => { saved.textContent = ""; }, 3000);
  } catch (error) {
    complain(field, field.validationMessage || error.message);  // the browser speaks the user's language
  }
}

for (const field of document.querySelectorAll("[data-setting]")) {
  let typing;
  field.addEventListener("input", () => {
    clearTimeout(typing);
    if (field.type !== "checkbox" && field.tagName !== "SELECT") typing = setTimeout(() => send(field, true), 350);
  });
  field.addEventListener("change", () => { clearTimeout(typing); send(field, false); });
}
for (const button of document.querySelectorAll("[data-folder-setting]")) {
  button.addEventListener("click", async () => {
    const key = button.dataset.folderSetting;
    const chosen = await (button.dataset.files ? chooseFile(t("chooser.file"), key) : chooseFolder(t("chooser.title")));
    if (chosen && await attempt(() => post("settings", { key, value: chosen.number }), t("settings.saved"))) location.reload();
  });
}
for (const button of document.querySelectorAll("[data-clear]")) {
  button.addEventListener("click", async () => {
    if (await attempt(() => post("settings", { key: button.dataset.clear, value: null }), t("settings.saved"))) location.reload();
  });
}

for (const folder of document.querySelectorAll("[data-folder]")) {
  const number = folder.dataset.folder;
  const change = (values) => attempt(() => post(`folders/${number}`, values), t("settings.saved"));
  for (const button of folder.querySelectorAll("[data-choose]")) {
    button.addEventListener("click", async () => {
      const chosen = await chooseFolder(button.getAttribute("aria-label"));
      if (chosen && await change({ [button.dataset.choose]: chosen.number })) button.previousElementSibling.textContent = chosen.path;
    });
  }
  for (const field of folder.querySelectorAll("[data-key]")) {
    field.addEventListener("change", () => change({ [field.dataset.key]: valueOf(field) }));
  }
  const remove = folder.querySelector("[data-remove]");
  remove.addEventListener("click", async () => {
    if (!remove.dataset.sure) {  // a second click
      remove.dataset.sure = "yes";
      remove.textContent = t("folders.sure");
      return;
    }
    if (await attempt(() => post(`folders/${number}/remove`))) location.reload();
  });
}
document.getElementById("add-folder").addEventListener("click", async () => {
  const input = await chooseFolder(t("folders.choose_input"));
  const output = input && await chooseFolder(t("folders.choose_output"));
  if (output && await attempt(() => post("folders", { input: input.number, output: output.number }))) location.reload();
});
document.getElementById("login").addEventListener("change", (event) => {
  attempt(() => post("login", { enabled: event.target.checked }), t("settings.saved"));
});
showModels(document.getElementById("models"), document.getElementById("models-used"), element);
