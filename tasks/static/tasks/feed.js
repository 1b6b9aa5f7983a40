// The private link of the calendar: copied with one press.
import { complain } from "../site/notices.js";
import { words } from "../site/words.js";

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const field = document.getElementById(button.dataset.copy);
    const label = button.querySelector("span");
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      label.textContent = words.copied;
      setTimeout(() => { label.textContent = words.copy; }, 2000);
    } catch {
      // Without a secure context there is no clipboard: the address is selected, ready for the person's own keys.
      complain(new Error(words.copyByHand));
    }
  });
}
