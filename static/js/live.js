// What others take and give back while the plan is open. seats.js loads this once the page has stood for a while. Only single
// cells change: the table is never drawn again and the focus never moves.

const form = document.querySelector("[data-max]");
const { url, gone, max } = form.dataset;
const [free, taken, yours, lost] = form.dataset.words.split("|").map(word => ", " + word);
const pause = document.getElementById("live");
const figures = new Intl.NumberFormat(document.documentElement.lang);
const slow = navigator.connection?.saveData || /2g/.test(navigator.connection?.effectiveType);
const PERIOD_MS = slow ? 60000 : 20000;
const LONGEST_MS = 600000;

const cells = new Map();
for (const spot of form.querySelectorAll("td .seat")) {
  const cell = spot.parentNode;
  cells.set(cell.querySelector("input")?.value || spot.firstElementChild.textContent, cell);
}

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function close(cell, input, state) {
  if (document.activeElement === input) {                   // kept until the focus leaves by itself
    input.setAttribute("aria-disabled", "true");
    input.addEventListener("blur", () => close(cell, input, state), { once: true });
    return;
  }
  const name = input.getAttribute("aria-label").replace(free, state).replace(yours, state);
  const number = make("span", { textContent: input.value });
  number.setAttribute("aria-hidden", "true");
  cell.replaceChildren(make("span", { className: cell.querySelector(".seat").className + (state === lost ? " lost" : " taken") },
    number, make("span", { textContent: name.slice(0, name.lastIndexOf(", ")), className: "hidden" })));
}

function open(cell, seat, amount) {
  const spot = cell.firstElementChild;
  const input = make("input", { type: max > 1 ? "checkbox" : "radio", name: "seat", value: seat });
  input.dataset.amount = amount;
  input.setAttribute("aria-label", spot.lastChild.textContent.replace(lost, free).replace(taken, free) + ", " + figures.format(amount) + "\u00a0FCFA");
  cell.replaceChildren(make("label", {}, input, make("span", { className: spot.className.replace(/ taken| lost/, ""), textContent: seat })));
}

function show(seats) {
  const missed = [];
  for (const { seat, state, amount } of seats) {
    const cell = cells.get(seat);
    const input = cell?.querySelector("input");
    if (!cell || input?.defaultChecked) continue;           // kept for this visitor: taken for everybody else
    if (!input && state === "free") open(cell, seat, amount);
    if (!input || state === "free" || input.hasAttribute("aria-disabled")) continue;
    if (input.checked) missed.push(seat);
    close(cell, input, input.checked ? lost : taken);
    input.checked = false;
  }
  const caption = form.querySelector("caption");
  caption.textContent = caption.textContent.replace(/\d+(?=\D*$)/, form.querySelectorAll("[name=seat]:not([aria-disabled])").length);
  if (missed.length) form.dispatchEvent(new CustomEvent("missed", { detail: missed.map(seat => gone.replace("{seat}", seat)).join(" ") }));
}

let { rev } = form.dataset;
let failures = 0;
let timer, until;

async function look() {
  clearTimeout(timer);
  if (document.hidden || !pause.checked || Date.now() > until) return;
  try {
    const answer = await fetch(url + "?from=" + encodeURIComponent(form.from.value) + "&to=" + encodeURIComponent(form.to.value) + "&since=" + encodeURIComponent(rev), { credentials: "omit" });
    failures = answer.ok ? 0 : failures + 1;
    if (answer.status === 200) {
      const { data } = await answer.json();
      rev = data.rev;
      show(data.seats);
    }
  } catch {
    failures++;
  }
  timer = setTimeout(look, PERIOD_MS * 2 ** Math.min(failures, 4) * (.8 + .4 * Math.random()));
}

function start() {
  until = Date.now() + LONGEST_MS;
  look();
}

pause.addEventListener("change", start);
document.addEventListener("visibilitychange", look);
start();
