// The hold clock: minutes and seconds beside the clock time, and a word at 5, 2 and 1 minute. Words come from the page.

const hold = document.querySelector("[data-hold]");
const { minutes, minute, over } = hold.dataset;
const end = Date.now() + hold.dataset.hold * 1000;
const [shown, status, alert] = [".left", "[role=status]", "[role=alert]"].map(name => hold.querySelector(name));
const tell = (place, words) => place.textContent === words || (place.textContent = words);
let before = Infinity;
const tick = () => {
  const left = Math.max(0, Math.round((end - Date.now()) / 1000));
  shown.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  const passed = mark => before > mark && left <= mark;
  if (passed(0)) {
    tell(status, "");
    tell(alert, over);
    clearInterval(timer);
  } else if (passed(60)) {
    tell(status, "");
    tell(alert, minute);
  } else if (passed(120) || passed(300)) tell(status, minutes.replace("{n}", Math.ceil(left / 60)));
  before = left;
};
const timer = setInterval(tick, 1000);
tick();
