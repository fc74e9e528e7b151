// For every page: one submit per press, light and dark without leaving the page. Everything works without this file.

// A second press within 5 s is the same press; later it is a retry, and coming back starts afresh.
let pressed = new WeakMap();
addEventListener("submit", event => {
  if (event.target.method !== "post") return;
  const button = event.submitter || event.target;
  if (Date.now() - pressed.get(button) < 5000) return event.preventDefault();
  pressed.set(button, Date.now());
});
addEventListener("pageshow", () => pressed = new WeakMap());

// The links work by themselves; switching here keeps what was typed.
const themes = document.querySelector("[data-themes]");
themes.addEventListener("click", event => {
  const link = event.target.closest("a");
  if (!link || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  fetch(link.href, { redirect: "manual" });
  document.documentElement.dataset.theme = link.search.split("theme=")[1];
  for (const one of themes.children) one.ariaCurrent = one === link || null;
});

// Without a script the browser's own menu prints.
const printer = document.querySelector("[data-print]");
if (printer) {
  printer.hidden = false;
  printer.onclick = () => print();
}
