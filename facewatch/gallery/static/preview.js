// One face as it would become: mixed from the pictures in the page, or from squares that the engine drew.

import { ask, at, post } from "./shell.js";

const WAIT_SECONDS = 90;

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
        return { state: "done", image, stops };
      }
      await new Promise((done) => { setTimeout(done, 500); });
    }
    return { state: "late" };
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
