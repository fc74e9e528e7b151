// The seat map: keeps to the number of passengers, says what is chosen, lets arrows move between free seats. The form works
// without this file. Words come from the page.

const form = document.querySelector("[data-max]");
const { max, amount, none, some, removed, words, live } = form.dataset;
const [free, , yours] = words.split("|");
const status = form.querySelector("[role=status]");

let chosen = [];                                            // oldest first

function tell(first) {
  const total = chosen.reduce((sum, seat) => sum + +(seat.dataset.amount || amount), 0).toLocaleString(document.documentElement.lang);
  const rest = chosen[0] ? some.replace("{seats}", chosen.map(seat => seat.value).join(", ")).replace("{total}", total) : none;
  const message = first ? first + " " + rest : rest;
  if (status.textContent !== message) status.textContent = message;
}

// The browser may have restored ticks (reload, back button): start from what is really ticked.
function readTicks() {
  chosen = [...form.querySelectorAll("td :checked")];
  tell();
}

form.addEventListener("change", ({ target }) => {
  if (target.name !== "seat") return;
  if (target.hasAttribute("aria-disabled")) target.checked = false;
  chosen = chosen.filter(seat => seat !== target && seat.checked);
  if (target.checked) chosen.push(target);
  else target.ariaLabel = target.ariaLabel.replace(yours, free);
  const extra = chosen.length > max && chosen.shift();
  if (extra) extra.checked = false;
  tell(extra && removed.replace("{seat}", extra.value));
});

// Rows down, cells right, and how far at least; where the bus ends, the last free seat on the way.
const STEPS = {
  ArrowUp: [-1, 0, 1], ArrowDown: [1, 0, 1], PageUp: [-1, 0, 5], PageDown: [1, 0, 5],
  ArrowLeft: [0, -1, 1], ArrowRight: [0, 1, 1], Home: [0, -1, 99], End: [0, 1, 99],
};

form.addEventListener("keydown", event => {
  const { target, key } = event;
  if (target.name !== "seat" || !STEPS[key] || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  const [down, right, far] = STEPS[key];
  let row = target.closest("tr").rowIndex;
  let column = target.closest("td").cellIndex;
  let found, cell;
  for (let step = 1; cell = target.closest("table").rows[row += down]?.cells[column += right]; step++) {
    const seat = cell.querySelector("input");
    if (seat) found = seat;
    if (seat && step >= far) break;
  }
  found?.focus();
  if (found?.type === "radio") found.click();
});

form.addEventListener("missed", ({ detail }) => {
  chosen = chosen.filter(seat => seat.checked);
  tell(detail);
});
addEventListener("pageshow", readTicks);
readTicks();
form.querySelector(".later").classList.remove("later");
setTimeout(() => import(live), 15000);
