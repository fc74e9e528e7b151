// While a payment is checked: ask every 5 s whether there is news, and load the page again when there is. Stops after 10 minutes.

const until = Date.now() + 600000;

async function look() {
  if (!document.hidden) {
    try {
      const answer = await fetch(location.href, { method: "HEAD", redirect: "manual" });
      if (answer.type === "opaqueredirect") return location.reload();
    } catch {
      // no network: the next look may have one
    }
  }
  if (Date.now() < until) setTimeout(look, 5000);
}

setTimeout(look, 5000);
