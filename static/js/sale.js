// The checkout: prices and total follow the categories that are chosen. Without this file the total is shown again before paying.

const form = document.getElementById("sale");
const [amounts, total] = [form.querySelectorAll(".prices dd"), form.elements.total];
const button = form.querySelector("[data-pay]");
const choices = [...form.querySelectorAll("[name$=category]")].filter(field => field.options);
const write = francs => francs.toLocaleString(document.documentElement.lang) + "\u00a0FCFA";

function show() {
  let sum = 0;
  choices.forEach((choice, place) => {
    const [words, price] = choice.selectedOptions[0].textContent.split(" – ");
    const name = amounts[place].previousElementSibling;
    name.textContent = name.textContent.replace(/, .*/, ", " + words);
    amounts[place].textContent = price;
    sum += +price.replace(/\D/g, "");
  });
  total.value = sum;
  amounts[amounts.length - 1].textContent = write(sum);
  button.textContent = button.dataset.pay.replace("{total}", write(sum));
}

form.addEventListener("change", ({ target }) => choices.includes(target) && show());
// Something may have been chosen before this file was here, or be restored by the back button.
if (choices.length) addEventListener("pageshow", show), show();
