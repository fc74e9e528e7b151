// Passengers and phone of the last booking, on this phone only and only where somebody asked for it. Without this file nothing is kept.

const KEY = "people", block = document.querySelector("[data-people]"), form = document.getElementById("sale");
const box = block.querySelector("input"), forget = block.querySelector("[data-forget]");
const fields = form ? [...form.elements].filter(field => /-(name|category)$|^(phone|email|payer_name)$/.test(field.name)) : [];
let kept = null;
try { kept = JSON.parse(localStorage[KEY] || "null"); } catch { /* nothing is kept where the browser keeps nothing */ }

if (form) {
  block.hidden = false;
  box.checked = !!kept;
  // Names first: a category is filled in only together with its name, so that nothing that was typed changes.
  const named = new Set(fields.filter(field => field.name.endsWith("-name") && field.value).map(field => field.name));
  for (const field of kept ? fields : []) {
    const value = kept[field.name], category = field.name.endsWith("-category");
    if (!value || (category ? !field.options || named.has(field.name.replace("category", "name")) : field.value)) continue;
    field.value = value;
    if (category) field.dispatchEvent(new Event("change", { bubbles: true }));
  }
  form.addEventListener("submit", () => {
    try {
      if (box.checked) localStorage[KEY] = JSON.stringify(Object.fromEntries(fields.map(field => [field.name, field.value])));
      else localStorage.removeItem(KEY);
    } catch { /* as above */ }
  });
} else block.hidden = !kept;

forget.hidden = !kept;
forget.onclick = () => {
  localStorage.removeItem(KEY);
  if (box) box.checked = false;
  forget.hidden = true;
  block.querySelector("[role=status]").textContent = forget.dataset.forget;
};
