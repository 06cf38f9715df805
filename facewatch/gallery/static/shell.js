// What every page has: texts, requests to the server, the state line, and messages.

const root = document.documentElement.dataset.root;
const texts = JSON.parse(document.getElementById("texts").textContent);

export function t(key, values = {}) {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export const at = (path) => `${root}/${path}`;

export async function ask(path, options = {}) {
  const response = await fetch(at(`api/${path}`), options);
  if (response.status === 403) throw new Error(t("app.ended"));
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error ?? t("app.failed"));
  return answer;
}

export const post = (path, body = {}) => ask(path, { method: "POST", body: JSON.stringify(body) });

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

let hiding;
export function toast(text, { bad = false, action = null } = {}) {
  const box = document.getElementById("toast");
  const act = () => { box.hidden = true; action.act(); };
  box.replaceChildren(element("span", {}, text), ...(action ? [element("button", { type: "button", onclick: act }, action.words)] : []));
  box.classList.toggle("bad", bad);
  box.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { box.hidden = true; }, bad || action ? 12000 : 4000);
}

export async function attempt(act, done) {
  try {
    const answer = await act();
    if (done) toast(done);
    return answer;
  } catch (error) {
    toast(error.message, { bad: true });
    return null;
  }
}

export function duration(seconds) {
  if (seconds < 90) return t("time.seconds", { count: Math.max(1, Math.round(seconds)) });
  if (seconds < 5400) return t("time.minutes", { count: Math.round(seconds / 60) });
  return t("time.hours", { count: Math.round(seconds / 3600) });
}

export const sentence = (text) => text.charAt(0).toLocaleUpperCase() + text.slice(1);

export function size(bytes) {
  if (bytes === null || bytes === undefined) return "";
  const [unit, divisor] = bytes >= 1e9 ? ["GB", 1e9] : ["MB", 1e6];
  return `${(bytes / divisor).toLocaleString(undefined, { maximumFractionDigits: 1 })} ${unit}`;
}

export function weightWords(weight) {
  const word = weight < 0.35 ? "strong" : weight > 0.65 ? "faithful" : "balanced";
  return `${t(`weight.${word}`)} (${weight.toLocaleString(undefined, { maximumFractionDigits: 2 })})`;
}

// A reason of facewatch, in the language of the page where it is a usual one: "already sharp (300 px)".
export function reasonText(reason) {
  const [plain, rest] = reason.split(/ (?=\()/, 2);
  const known = texts[`reason.${plain}`];
  return known ? known + (rest && !rest.includes("eyes") ? ` ${rest}` : "") : reason;
}

export const outcomeText = (outcome) => t(`outcome.${outcome.replaceAll(" ", "_")}`);

const watchers = new Set();
export const onStatus = (watcher) => watchers.add(watcher);

function line(status) {
  if (status.mood === "stopped") return t("state.stopped");
  if (status.mood === "paused") {
    const [time] = status.rest.match(/\d+:\d+/) ?? [];
    if (time) return t("state.rest_until", { time });
    const reason = ["mains", "unused", "screen", "card"].find((word) => status.rest.includes(word));
    return t(reason ? `state.rest_${reason}` : "state.paused");
  }
  const parts = [];
  const batch = status.progress;
  if (status.current) parts.push(t("state.working", { name: status.current }));
  if (batch && batch.total > 1) {
    parts.push(t("state.batch", { done: batch.done, total: batch.total }));
    if (batch.seconds_left !== null) parts.push(t("state.left", { time: duration(batch.seconds_left) }));
  } else if (status.waiting) parts.push(t(status.waiting === 1 ? "state.waiting_one" : "state.waiting", { count: status.waiting }));
  const quiet = { attention: "state.attention", working: "state.busy" };
  return parts.join(" · ") || t(quiet[status.mood] ?? "state.idle");
}

function setText(id, text) {
  const box = document.getElementById(id);
  if (box.textContent !== text) box.textContent = text;  // a live region speaks only what changes
}

function show(status) {
  document.getElementById("mood").dataset.mood = status.mood;
  setText("headline", line(status));
  const badge = document.getElementById("problem-count");
  badge.hidden = !status.problems;
  setText("problem-count", String(status.problems || ""));
  const bar = document.getElementById("progress");
  bar.hidden = !(status.progress && status.progress.total > 1);
  if (!bar.hidden) bar.value = status.progress.done / status.progress.total;
  const pause = document.getElementById("pause");
  pause.hidden = status.mood === "stopped";
  const resume = status.rest === "paused" ? "state.resume" : "state.work_now";
  setText("pause", t(status.rest ? resume : "state.pause"));
  pause.dataset.paused = status.rest ? "yes" : "";
  document.getElementById("start").hidden = status.mood !== "stopped";
  for (const watcher of watchers) watcher(status);
}

let timer;
export async function refresh() {
  clearTimeout(timer);
  try {
    show(await ask("status"));
  } catch (error) {
    setText("headline", error instanceof TypeError ? t("app.ended") : error.message);
  }
  timer = setTimeout(refresh, document.hidden ? 60000 : 1500);
}

document.getElementById("pause").addEventListener("click", async (event) => {
  await attempt(() => post("pause", { paused: !event.target.dataset.paused }));
  refresh();
});
document.getElementById("start").addEventListener("click", async () => {
  await attempt(() => post("start"), t("state.starting"));
  refresh();
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
queueMicrotask(refresh);
