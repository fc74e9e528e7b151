// The checkout: prices and total follow the categories that are chosen. Without this file the total is shown again before paying.

const form = document.getElementById("sale");
const [amounts, total] = [form.querySelectorAll(".prices dd"), form.elements.total];
const button = form.querySelector("[data-pay]");
const choices = [...form.querySelectorAll("[name$=category]")].filter(field => field.options);
const write = francs => francs.toLocaleString(document.documentElement.lang) + "\u00a0FCFA";

form.addEventListener("change", ({ target }) => {
  const place = choices.indexOf(target);
  if (place < 0) return;
  const [words, price] = target.selectedOptions[0].textContent.split(" – ");
  const name = amounts[place].previousElementSibling;
  name.textContent = name.textContent.replace(/, .*/, ", " + words);
  amounts[place].textContent = price;
  const sum = choices.reduce((all, { selectedOptions: [one] }) => all + +one.textContent.split(" – ")[1].replace(/\D/g, ""), 0);
  total.value = sum;
  amounts[amounts.length - 1].textContent = write(sum);
  button.textContent = button.dataset.pay.replace("{total}", write(sum));
});
