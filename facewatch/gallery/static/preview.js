// One face as it would become: mixed from the pictures in the page, or from squares that the engine drew.

import { ask, at, post } from "./shell.js";

const WAIT_SECONDS = 90;
const NOT_COMPARED = "reason.the model makes up people, and the face could not be compared: the model sface is missing";

export function region(box, scale) {
  const [x0, y0, x1, y1] = box.map((side) => side * scale);
  const side = Math.max(x1 - x0, y1 - y0) * 1.5;
  return [(x0 + x1 - side) / 2, (y0 + y1 - side) / 2, side, side];
}

export function paint(canvas, image, source, alpha = 1) {
  if (!image.naturalWidth) return;
  const pen = canvas.getContext("2d");
  pen.globalAlpha = alpha;
  pen.imageSmoothingQuality = "high";
  pen.drawImage(image, ...source, 0, 0, canvas.width, canvas.height);
}

// The copy is (1 - made) x restored + made x original; any other weight follows from these two pictures.
export function blend(canvas, before, after, made, wanted) {
  const pen = canvas.getContext("2d");
  const share = (1 - wanted) / (1 - made);
  paint(canvas, before.image, before.region);
  if (share <= 1) {
    paint(canvas, after.image, after.region, share);
    return;
  }
  const original = pen.getImageData(0, 0, canvas.width, canvas.height);
  paint(canvas, after.image, after.region);
  const mixed = pen.getImageData(0, 0, canvas.width, canvas.height);
  for (let place = 0; place < mixed.data.length; place += 1) {
    if (place % 4 !== 3) mixed.data[place] = original.data[place] + (mixed.data[place] - original.data[place]) * share;
  }
  pen.putImageData(mixed, 0, 0);
}

const verdictAt = (judged, weight) => judged.findLast((one) => one.weight <= weight + 1e-6);

const unfit = (verdict) => verdict?.kept || verdict?.identity?.verdict === "other";

// What Apply would make of a face: the weight that it gets, and what is to be said about it.
// chosen: the weight is the user's own for this face, which is only measured; others are protected, and so is
// every face of a network that makes up people: `kept` says that the original stays.
export function outcomeOf({ judged, protects }, weight, chosen) {
  const now = verdictAt(judged, weight);
  if (!unfit(now) || weight >= 1) return { weight, words: "" };
  if (!now.identity) return { weight: 1, words: NOT_COMPARED };
  if (!now.kept && (chosen || !protects)) return { weight, words: "preview.other" };
  for (const step of now.hopeless || chosen ? [] : [0.5, 0.8]) {  // as the engine tries
    const higher = weight + step * (1 - weight);
    if (!unfit(verdictAt(judged, higher))) return { weight: higher, words: "preview.raised" };
  }
  return { weight: 1, words: "preview.kept" };
}

// The squares of one face and model: the original, then one for each weight; between them they are mixed.
export class Strips {
  constructor(number, changed) {
    this.number = number;
    this.changed = changed;
    this.known = new Map();
  }

  state(face, model) { return this.known.get(`${face} ${model}`) ?? { state: "none" }; }

  async want(face, model) {
    const key = `${face} ${model}`;
    if (["working", "done"].includes(this.state(face, model).state)) return;
    this.known.set(key, { state: "working" });
    this.changed();
    try {
      this.known.set(key, await this.draw(face, model));
    } catch (error) {
      this.known.set(key, { state: "failed", error: error.message });
    }
    this.changed();
  }

  async draw(face, model) {
    const { name, weights } = await post(`photos/${this.number}/preview`, { face, model });
    const stops = weights.map((weight, place) => ({ weight, tile: place + 1 }));
    if (stops.at(-1).weight < 1) stops.push({ weight: 1, tile: 0 });
    for (let seconds = 0; seconds < WAIT_SECONDS; seconds += 0.5) {
      const answer = await ask(`previews/${name}`);
      if (answer.state === "failed") return answer;
      if (answer.state === "done") {
        const image = new Image();
        image.src = at(`previews/${name}.jpg`);
        await image.decode();
        return { state: "done", image, stops, judged: answer.judged, protects: answer.protects };
      }
      await new Promise((done) => { setTimeout(done, 500); });
    }
    return { state: "late" };
  }

  // Show what the engine drew of a face, as Apply would make it; return what is to be said about it.
  // waiting: the words for a picture that is not asked for yet; empty: it is not said
  preview(canvas, face, { model, weight, chosen }, waiting) {
    const strip = this.state(face, model);
    if (strip.state === "failed") return [strip.error];
    if (strip.state !== "done") return [waiting && `preview.${strip.state === "none" ? waiting : strip.state}`];
    const outcome = outcomeOf(strip, weight, chosen);
    this.show(canvas, strip, outcome.weight);
    return [outcome.words || "preview.done", outcome.weight];
  }

  show(canvas, { image, stops }, weight) {
    const above = Math.max(1, stops.findIndex((stop) => stop.weight >= weight));
    const [low, high] = [stops[above - 1], stops[above]];
    const side = image.naturalWidth;
    const square = (stop) => [0, stop.tile * side, side, side];
    paint(canvas, image, square(low));
    paint(canvas, image, square(high), (weight - low.weight) / (high.weight - low.weight));
  }
}
