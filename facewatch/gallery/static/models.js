// The table of models: download with progress and cancel, check, remove.

import { ask, attempt, duration, element, onStatus, post, size, t } from "./shell.js";

let drawn = "";

function button(words, act, { name, kind = "" }) {
  return element("button", { type: "button", class: kind, "aria-label": `${words}: ${name}`, onclick: act }, words);
}

function actions(model, redraw) {
  const url = `models/${encodeURIComponent(model.name)}`;
  const act = (what, done) => async () => {
    await attempt(() => post(`${url}/${what}`), done);
    redraw();
  };
  if (model.download) return [button(t("app.cancel"), act("cancel"), model)];
  if (model.state === "builtin") return [];
  if (model.state === "present") {
    return [button(t("models.verify"), act("verify", t("models.verified")), model), button(t("models.remove"), act("remove"), { name: model.name, kind: "danger" })];
  }
  if (model.page && model.state === "missing") {
    return [element("a", { href: model.page, target: "_blank", rel: "noreferrer noopener" }, t("models.page")), element("small", {}, t("models.then_add", { name: model.name }))];
  }
  if (model.question) {
    return [button(t("models.accept"), async () => {
      await attempt(() => post(`${url}/accept`));
      await attempt(() => post(`${url}/download`));
      redraw();
    }, { name: model.name, kind: "primary" })];
  }
  return [button(t("models.download"), act("download"), model)];
}

function state(model) {
  if (model.download) {
    const { done_bytes: done, total_bytes: total, seconds_left: left } = model.download;
    const parts = [total ? t("models.progress", { done: size(done), total: size(total) }) : size(done)];
    if (left) parts.push(t("state.left", { time: duration(left) }));
    return [element("progress", { max: total ?? 1, ...(total ? { value: done } : {}), "aria-label": model.name }), element("small", {}, parts.join(", "))];
  }
  const words = element("span", { class: model.state === "corrupt" ? "bad" : "" }, t(`models.is_${model.state}`));
  return [words, ...(model.error || model.problem ? [element("small", { class: "bad" }, model.error || model.problem)] : [])];
}

function row(model, redraw) {
  const terms = model.terms_url ? [element("small", {}, `${model.licence}. ${model.sentence} `, element("a", { href: model.terms_url, target: "_blank", rel: "noreferrer noopener" }, t("models.terms")))] : [];
  return element("tr", {},
    element("td", {}, element("strong", {}, model.name), element("small", {}, t(`models.kind_${model.kind}`))),
    element("td", {}, t(`model.${model.name}`) === `model.${model.name}` ? model.about : t(`model.${model.name}`), ...terms),
    element("td", {}, size(model.size_bytes)),
    element("td", {}, ...state(model), element("div", { class: "buttons" }, ...actions(model, redraw))));
}

export function showModels(body, used) {
  const draw = async () => {
    const answer = await ask("models");
    const text = JSON.stringify(answer);
    if (text === drawn) return;
    drawn = text;
    const focused = document.activeElement?.getAttribute("aria-label");
    body.replaceChildren(...answer.models.map((model) => row(model, draw)));
    if (focused) [...body.querySelectorAll("button")].find((other) => other.getAttribute("aria-label") === focused)?.focus();
    used.textContent = t("models.used", { size: size(answer.used_bytes), folder: answer.folder });
  };
  onStatus(() => draw().catch(() => {}));  // the state line tells when the server is away
}
