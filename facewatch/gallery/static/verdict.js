// Verdicts about a copy, and taking them back: also on the next page, where the viewer is by then.

import { at, attempt, post, t, toast } from "./shell.js";

const KEPT = "facewatch undo";

async function takeBack({ number, marks, filter }) {
  const done = marks === null
    ? await attempt(() => post(`photos/${number}/undo`), t("undo.asked"))
    : await attempt(() => post(`photos/${number}/mark`, { marks }), t("undo.asked"));
  const here = at(`photos/${number}`);
  if (done && location.pathname !== here) location.href = `${here}${filter}`;
  return done;
}

function offer(text, what) {
  toast(text, { action: { words: t("undo.button"), act: () => takeBack(what) } });
}

// What the last page left to be undone.
export function offerEarlier() {
  const kept = sessionStorage.getItem(KEPT);
  sessionStorage.removeItem(KEPT);
  if (kept) offer(...JSON.parse(kept));
}

export async function undo(photo, filter) {
  if (photo.undo) await takeBack({ number: photo.id, marks: null, filter });
  else toast(t("undo.nothing"));
}

// Give or take a mark; true if the viewer goes on to the next photo.
export async function mark(photo, name, filter, { leaves }) {
  const had = photo.marks.includes(name);
  if (had && name === "rejected") {
    await undo(photo, filter);
    return false;
  }
  const before = photo.marks;
  let marks = before.filter((other) => other !== name);
  if (!had && name !== "favourite") marks = marks.filter((other) => other === "favourite");
  if (!had) marks.push(name);
  if (!(await attempt(() => post(`photos/${photo.id}/mark`, { marks })))) return false;
  photo.marks = marks;
  const text = `${photo.name}: ${t(had ? "mark.removed" : `mark.said_${name}`)}`;
  const what = { number: photo.id, marks: !had && name === "rejected" && photo.copy ? null : before, filter };
  const goesOn = leaves && !had && name !== "favourite";
  if (goesOn) sessionStorage.setItem(KEPT, JSON.stringify([text, what]));
  else offer(text, what);
  return goesOn;
}
