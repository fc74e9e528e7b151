// For every page: one submit per press, light and dark without leaving the page. Everything works without this file.

// A second press within 5 s is the same press; later it is a retry, and coming back starts afresh.
let pressed = new WeakMap();
addEventListener("submit", event => {
  const form = event.target;
  if (form.method !== "post") return;
  if (Date.now() - pressed.get(form) < 5000) return event.preventDefault();
  pressed.set(form, Date.now());
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
