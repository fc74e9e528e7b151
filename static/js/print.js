// The print button, which needs a script; without one the browser's own menu prints.

const button = document.querySelector("[data-print]");
button.hidden = false;
button.addEventListener("click", () => print());
