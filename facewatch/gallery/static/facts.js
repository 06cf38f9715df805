// What the page of a photo says about it: what became of it, and how.

import { element, outcomeText, t, weightWords } from "./shell.js";

const by = (id) => document.getElementById(id);

function summaryOf({ faces, summary, reason, left_alone: alone }) {
  if (reason || alone || !faces.length) return summary;
  const done = faces.filter((one) => one.restored).length;
  return t(faces.length === 1 ? "photo.restored_one" : "photo.restored", { done, all: faces.length });
}

function fact(name, value) {
  return value === null || value === undefined || value === "" ? [] : [element("dt", {}, name), element("dd", {}, String(value))];
}

export function showFacts(photo) {
  by("outcome").textContent = outcomeText(photo.outcome);
  by("outcome").dataset.outcome = photo.outcome;
  by("summary").textContent = summaryOf(photo);
  by("facts").replaceChildren(
    ...fact(t("photo.folder"), photo.folder),
    ...fact(t("redo.model"), photo.model),
    ...fact(t("weight.label"), photo.model ? weightWords(photo.weight) : null),
    ...fact(t("photo.detector"), photo.detector),
    ...fact(t("photo.took"), photo.seconds === null ? null : t("photo.seconds", { count: photo.seconds.toLocaleString(undefined, { maximumFractionDigits: 1 }) })),
    ...fact(t("photo.copy"), photo.copy),
    ...fact(t("photo.lost"), photo.lost.join("; ")),
  );
}
