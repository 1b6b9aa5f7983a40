// Settings that the browser keeps: the theme. And drafts go when the person goes.
import { zone } from "../site/times.js";
import "./feed.js";

document.getElementById("zone").textContent = zone.replaceAll("_", " ");

const choices = document.querySelectorAll("[data-theme-choice]");
function show() {
  const chosen = document.documentElement.dataset.theme ?? "";
  for (const choice of choices) choice.setAttribute("aria-pressed", String(choice.dataset.themeChoice === chosen));
}
for (const choice of choices) {
  choice.addEventListener("click", () => {
    const theme = choice.dataset.themeChoice;
    if (theme) {
      document.documentElement.dataset.theme = theme;
      localStorage.setItem("theme", theme);
    } else {
      delete document.documentElement.dataset.theme;
      localStorage.removeItem("theme");
    }
    show();
  });
}
show();

document.getElementById("sign-out").addEventListener("submit", () => {
  for (const key of Object.keys(localStorage)) if (key.startsWith("draft:")) localStorage.removeItem(key);
});
