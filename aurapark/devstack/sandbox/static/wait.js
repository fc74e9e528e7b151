// The waiting page: ask now and then whether the phone has answered, and load the page again when it has.
const address = document.querySelector("[data-wait]").dataset.wait;
setInterval(async () => {
  const answer = await fetch(address).catch(() => null);
  if (answer?.ok && !(await answer.json()).waiting) location.reload();
}, 1000);
