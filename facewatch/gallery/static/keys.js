// Keys of the page of a photo, where no field takes them.

export function listenForKeys(keys, { away, face }) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || away()) return;
    const field = event.target.closest("input, select, textarea, [role=radio]");
    if (field && (event.key.startsWith("Arrow") || event.key === " " || field.matches("select"))) return;
    if (event.key === " " && event.target.closest("button, a, summary")) return;
    const act = keys[event.key] ?? keys[event.key.toLowerCase()];
    if (/^[1-9]$/.test(event.key)) face(event.key - 1);
    else if (act) {
      event.preventDefault();
      act();
    }
  });
}

// Arrows within a row of choices: `go` takes a step and returns the place of what is chosen then.
export function listenForArrows(row, go) {
  row.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    row.children[go(step)].focus();
  });
}
