// The grid: only the rows in sight exist, so that 100,000 photos scroll like ten.

import { ask, at, element, onStatus, outcomeText, t } from "./shell.js";
import "./drop.js";

const OUTCOMES = ["restored", "partly restored", "unchanged", "without faces", "restored earlier", "not supported",
  "failed", "waiting", "in work", "rejected", "favourite"];
const PART = 120;  // photos in one request
const grid = document.getElementById("grid");
const spacer = document.getElementById("spacer");
const filters = document.getElementById("filters");
const parts = new Map();  // number of a part -> its photos, or a promise of them
const cells = new Map();  // place -> { cell, id }
let total = 0;
let version = -1;
let outcome = "";
let generation = 0;  // grows when the list becomes another one

function query() {
  const form = new FormData(filters);
  const wanted = new URLSearchParams();
  if (outcome) wanted.set("outcome", outcome);
  for (const name of ["text", "folder"]) if (form.get(name)) wanted.set(name, form.get(name));
  const day = (name, add) => {
    if (!form.get(name)) return;
    const when = new Date(`${form.get(name)}T00:00:00`);
    when.setDate(when.getDate() + add);
    wanted.set(name, String(when.getTime() / 1000));
  };
  day("since", 0);
  day("until", 1);
  return wanted;
}

function measure() {
  const style = getComputedStyle(grid);
  const gap = 10;
  const wide = grid.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  const least = Math.max(120, Math.min(210, wide / 2 - gap));
  const columns = Math.max(1, Math.floor((wide + gap) / (least + gap)));
  const side = (wide - gap * (columns - 1)) / columns;
  return { columns, side, gap, height: side + 40 };
}

function placeOf(index, sizes) {
  return { left: (index % sizes.columns) * (sizes.side + sizes.gap), top: Math.floor(index / sizes.columns) * (sizes.height + sizes.gap) };
}

async function part(number) {
  if (parts.has(number)) return parts.get(number);
  const wanted = query();
  wanted.set("first", String(number * PART));
  wanted.set("count", String(PART));
  const mine = generation;
  const promise = ask(`photos?${wanted}`).then((answer) => {
    if (mine !== generation) return [];
    parts.set(number, answer.photos);
    if (answer.total !== total) setTotal(answer.total);
    if (version < 0) version = answer.version;
    return answer.photos;
  }, (error) => {
    parts.delete(number);
    throw error;
  });
  parts.set(number, promise);
  return promise;
}

function setTotal(count) {
  total = count;
  const sizes = measure();
  spacer.style.height = `${Math.ceil(total / sizes.columns) * (sizes.height + sizes.gap)}px`;
  const words = t(total === 1 ? "photos.count_one" : "photos.count", { count: total.toLocaleString() });
  document.getElementById("count").textContent = words;
  const bare = total === 0 && query().toString() === "";
  document.getElementById("empty").hidden = !bare;
}

function makeCell() {
  const picture = element("img", { alt: "", loading: "eager", decoding: "async", draggable: "false" });
  const mark = element("span", { class: "marks", "aria-hidden": "true" });
  const name = element("span", { class: "name" });
  const tag = element("span", { class: "tag" });
  const link = element("a", { class: "card" }, element("span", { class: "frame" }, picture, mark), name, tag);
  picture.addEventListener("load", () => picture.classList.add("ready"));
  picture.addEventListener("error", () => link.classList.add("no-picture"));
  return element("div", { class: "cell", role: "listitem" }, link);
}

function fill(cell, photo) {
  const link = cell.firstElementChild;
  const [frame, name, tag] = link.children;
  const picture = frame.firstElementChild;
  const source = at(`photos/${photo.id}/thumbnail?v=${photo.key}`);
  if (picture.getAttribute("src") !== source) {
    picture.classList.remove("ready");
    link.classList.remove("no-picture");
    picture.src = source;
  }
  const wanted = query().toString();
  link.href = at(`photos/${photo.id}${wanted ? `?${wanted}` : ""}`);
  name.textContent = photo.name.split("/").pop();
  tag.textContent = outcomeText(photo.outcome);
  tag.dataset.outcome = photo.outcome;
  link.title = photo.reason ? `${photo.name}\n${photo.reason}` : photo.name;
  frame.lastElementChild.textContent = (photo.marks.includes("favourite") ? "★" : "") + (photo.marks.includes("accepted") ? "✓" : "");
}

let lastTop = 0;
let settling;
// While the grid flies by, nothing is asked for: the photos where it comes to rest would have to wait.
function flies() {
  const far = Math.abs(grid.scrollTop - lastTop) > 2 * grid.clientHeight;
  lastTop = grid.scrollTop;
  clearTimeout(settling);
  if (far) settling = setTimeout(draw, 80);
  return far;
}

let drawing = false;
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(async () => {
    drawing = false;
    const sizes = measure();
    const rowHeight = sizes.height + sizes.gap;
    const top = Math.max(0, grid.scrollTop - 2 * rowHeight);
    const bottom = grid.scrollTop + grid.clientHeight + 2 * rowHeight;
    const first = Math.floor(top / rowHeight) * sizes.columns;
    const last = Math.min(Math.max(total, parts.size ? 0 : PART), Math.ceil(bottom / rowHeight) * sizes.columns);
    for (const [place, cell] of cells) {
      if (place < first || place >= last) {
        cell.remove();
        cells.delete(place);
      }
    }
    const quick = flies();
    const ahead = grid.scrollTop + grid.clientHeight * 8;  // the next part comes before it is in sight
    const until = Math.min(Math.max(total, 1), Math.ceil(ahead / rowHeight) * sizes.columns);
    for (let number = Math.floor(first / PART); number * PART < Math.max(last, until); number += 1) {
      const known = parts.get(number);
      show(number, Array.isArray(known) ? known : [], first, last, sizes);
      if (known === undefined && !quick) {
        part(number).then(draw, (error) => { document.getElementById("count").textContent = error.message; });
      }
    }
  });
}

function show(number, photos, first, last, sizes) {
  const from = Math.max(first, number * PART);
  const to = Math.min(last, total, (number + 1) * PART);
  for (let place = from; place < to; place += 1) {
    let cell = cells.get(place);
    if (!cell) {
      cell = makeCell();
      cells.set(place, cell);
      const after = [...cells.keys()].filter((other) => other > place).sort((a, b) => a - b)[0];
      grid.insertBefore(cell, after === undefined ? spacer : cells.get(after));
    }
    const where = placeOf(place, sizes);
    cell.style.transform = `translate(${where.left}px, ${where.top}px)`;
    cell.style.width = `${sizes.side}px`;
    cell.style.height = `${sizes.height}px`;
    cell.setAttribute("aria-setsize", String(total));
    cell.setAttribute("aria-posinset", String(place + 1));
    if (photos[place - number * PART]) fill(cell, photos[place - number * PART]);  // else an empty frame for now
  }
}

function reload({ top = true } = {}) {
  generation += 1;
  parts.clear();
  if (top) {
    grid.scrollTop = 0;
    for (const cell of cells.values()) cell.remove();
    cells.clear();
  }
  const wanted = query().toString();
  history.replaceState(null, "", wanted ? `?${wanted}` : location.pathname);
  part(0).then(draw, (error) => { document.getElementById("count").textContent = error.message; });
}

function chips(counts) {
  const box = document.getElementById("outcomes");
  const all = Object.entries(counts).reduce((sum, [name, count]) => sum + (name === "favourite" ? 0 : count), 0);
  for (const name of ["", ...OUTCOMES]) {
    const count = name ? counts[name] ?? 0 : all;
    let chip = [...box.children].find((other) => other.dataset.outcome === name);
    if (!chip) {
      chip = element("button", { type: "button", class: "chip", "data-outcome": name, onclick: () => {
        outcome = name;
        chips(counts);
        reload();
      } });
      box.append(chip);
    }
    const words = `${name ? outcomeText(name) : t("photos.all")} ${count.toLocaleString()}`;
    if (chip.textContent !== words) chip.textContent = words;
    chip.setAttribute("aria-pressed", String(outcome === name));
    chip.hidden = Boolean(name) && !count && outcome !== name;
  }
}

function folders(names) {
  const label = document.getElementById("folder-filter");
  const select = label.querySelector("select");
  label.hidden = names.length < 2;
  for (const name of names) {
    if (![...select.options].some((option) => option.value === name)) select.append(element("option", { value: name }, name));
  }
}

function restore() {
  const given = new URLSearchParams(location.search);
  outcome = given.get("outcome") ?? "";
  filters.elements.text.value = given.get("text") ?? "";
  const day = (seconds) => { const when = new Date(seconds * 1000); return `${when.getFullYear()}-${String(when.getMonth() + 1).padStart(2, "0")}-${String(when.getDate()).padStart(2, "0")}`; };
  if (given.get("since")) filters.elements.since.value = day(Number(given.get("since")));
  if (given.get("until")) filters.elements.until.value = day(Number(given.get("until")) - 3600);
  if (given.get("folder")) {
    folders([given.get("folder")]);
    filters.elements.folder.value = given.get("folder");
  }
}

let typing;
filters.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(reload, 200);
});
filters.addEventListener("submit", (event) => { event.preventDefault(); reload(); });
grid.addEventListener("scroll", draw, { passive: true });
new ResizeObserver(() => { setTotal(total); draw(); }).observe(grid);
grid.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: measure().columns, ArrowUp: -measure().columns }[event.key];
  const now = [...cells].find(([, cell]) => cell.contains(document.activeElement));
  if (!step || !now) return;
  event.preventDefault();
  const place = Math.min(total - 1, Math.max(0, now[0] + step));
  const sizes = measure();
  const top = placeOf(place, sizes).top;
  if (top < grid.scrollTop) grid.scrollTop = top;
  if (top + sizes.height > grid.scrollTop + grid.clientHeight) grid.scrollTop = top + sizes.height - grid.clientHeight + 8;
  requestAnimationFrame(() => requestAnimationFrame(() => cells.get(place)?.firstElementChild.focus()));
});
onStatus((status) => {
  chips(status.counts);
  folders(status.folders);
  if (parts.has(0) && status.version !== version) {
    version = status.version;
    reload({ top: false });
  }
});
restore();
reload();
