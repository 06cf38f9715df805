// The stage: two pictures in one place, under a divider, zoomed and moved together.

const MOST = 16;

// Resolves to true once the picture is there, to false if it cannot be shown.
export function load(image, source) {
  return new Promise((done) => {
    image.onload = () => done(true);
    image.onerror = () => { image.removeAttribute("src"); done(false); };
    image.src = source;
  });
}

export class Stage {
  constructor(parts) {
    Object.assign(this, parts);  // stage, sheet, before, after, divider, slider
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    this.pointers = new Map();
    this.listen();
  }

  get width() { return this.after.naturalWidth || this.before.naturalWidth || 1; }

  get height() { return this.after.naturalHeight || this.before.naturalHeight || 1; }

  get fitting() { return Math.min(this.stage.clientWidth / this.width, this.stage.clientHeight / this.height, 1.5); }

  share(percent) {
    this.slider.value = percent;
    this.sheet.style.setProperty("--shown", `${this.slider.value}%`);
  }

  place(scale, x, y) {
    const least = Math.min(this.fitting, 1);
    this.scale = Math.min(MOST, Math.max(least, scale));
    const clamp = (at, size, room) => (size <= room ? (room - size) / 2 : Math.min(0, Math.max(room - size, at)));
    this.x = clamp(x, this.width * this.scale, this.stage.clientWidth);
    this.y = clamp(y, this.height * this.scale, this.stage.clientHeight);
    this.sheet.style.width = `${this.width}px`;
    this.sheet.style.height = `${this.height}px`;
    this.sheet.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    this.sheet.style.setProperty("--unit", `${1 / this.scale}px`);
    const middle = (this.stage.clientHeight / 2 - this.y) / this.scale;  // of what is in sight
    this.sheet.style.setProperty("--middle", `${middle}px`);
    this.stage.classList.toggle("zoomed", this.scale > this.fitting * 1.01);
    this.sheet.classList.toggle("fine", this.scale >= 3);
  }

  fit() { this.place(this.fitting, 0, 0); }

  zoom(factor, x = this.stage.clientWidth / 2, y = this.stage.clientHeight / 2) {
    const scale = Math.min(MOST, Math.max(Math.min(this.fitting, 1), this.scale * factor));
    const real = scale / this.scale;
    this.place(scale, x - (x - this.x) * real, y - (y - this.y) * real);
  }

  look(box) {  // in pixels of the sheet
    const [x0, y0, x1, y1] = box;
    const room = Math.min(this.stage.clientWidth, this.stage.clientHeight);
    const scale = Math.min(4, Math.max(this.fitting, (room * 0.55) / Math.max(x1 - x0, y1 - y0, 1)));
    this.place(scale, this.stage.clientWidth / 2 - ((x0 + x1) / 2) * scale, this.stage.clientHeight / 2 - ((y0 + y1) / 2) * scale);
    this.centre((x0 + x1) / 2);
  }

  centre(x) { this.share(Math.min(100, Math.max(0, (x / this.width) * 100))); }

  shareAt(clientX) {
    const left = this.stage.getBoundingClientRect().left + this.x;
    this.share(Math.min(100, Math.max(0, ((clientX - left) / (this.width * this.scale)) * 100)));
  }

  fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.stage.requestFullscreen();
  }

  listenToTools({ zoomIn, zoomOut, fit, actual, full }) {
    zoomIn.addEventListener("click", () => this.zoom(1.4));
    zoomOut.addEventListener("click", () => this.zoom(1 / 1.4));
    fit.addEventListener("click", () => this.fit());
    actual.addEventListener("click", () => this.zoom(1 / this.scale));
    full.addEventListener("click", () => this.fullScreen());
  }

  listen() {
    const { stage, slider } = this;
    slider.addEventListener("input", () => this.share(slider.value));
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      const where = stage.getBoundingClientRect();
      this.zoom(Math.exp(-event.deltaY / 400), event.clientX - where.left, event.clientY - where.top);
    }, { passive: false });
    stage.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      stage.setPointerCapture(event.pointerId);
      const line = this.divider.getBoundingClientRect();
      const near = Math.abs(event.clientX - (line.left + line.right) / 2) < 24;
      this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, slides: near || !stage.classList.contains("zoomed") });
      if (this.pointers.size === 1 && this.pointers.get(event.pointerId).slides) this.shareAt(event.clientX);
    });
    stage.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      stage.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
    }
    stage.addEventListener("dblclick", (event) => {
      const where = stage.getBoundingClientRect();
      if (stage.classList.contains("zoomed")) this.fit();
      else this.zoom(Math.max(2, 1 / this.scale), event.clientX - where.left, event.clientY - where.top);
    });
    new ResizeObserver(() => { if (this.ready) (stage.classList.contains("zoomed") ? this.place(this.scale, this.x, this.y) : this.fit()); }).observe(stage);
  }

  move(event) {
    const held = this.pointers.get(event.pointerId);
    if (!held) return;
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, other]) => other);
    if (others.length) {  // two fingers
      const [other] = others;
      const apart = (p) => Math.hypot(p.x - other.x, p.y - other.y);
      const where = this.stage.getBoundingClientRect();
      const now = { x: event.clientX, y: event.clientY };
      this.zoom(apart(now) / Math.max(1, apart(held)), (now.x + other.x) / 2 - where.left, (now.y + other.y) / 2 - where.top);
    } else if (held.slides) this.shareAt(event.clientX);
    else this.place(this.scale, this.x + event.clientX - held.x, this.y + event.clientY - held.y);
    held.x = event.clientX;
    held.y = event.clientY;
  }
}
