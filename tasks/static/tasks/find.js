// The search field of the first page: what the server finds while one types, and the way through it with the keyboard.
const TYPING_PAUSE = 220; // milliseconds

/** `form` holds the field; `list` what is found; `refresh()` takes the list anew from the page's address. */
export function keepFinding({ form, list, refresh, others }) {
  const field = form.querySelector("input");
  let timer = 0;

  function address() {
    const query = new URLSearchParams(location.search);
    query.delete("before");
    if (field.value.trim()) query.set("q", field.value.trim());
    else query.delete("q");
    const text = query.toString();
    return text ? `${location.pathname}?${text}` : location.pathname;
  }

  async function find() {
    clearTimeout(timer);
    if (address() === location.pathname + location.search) return;
    history.replaceState(null, "", address());
    others.forEach((element) => { element.hidden = Boolean(field.value.trim()); });
    form.setAttribute("aria-busy", "true");
    await refresh();
    form.removeAttribute("aria-busy");
  }

  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(find, TYPING_PAUSE);
  });
  form.addEventListener("submit", (event) => { event.preventDefault(); find(); });
  const links = () => [...list.querySelectorAll(".talks a[href]")];
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && field.value) {
      event.preventDefault();
      field.value = "";
      find();
    } else if (event.key === "ArrowDown" && links().length) {
      event.preventDefault();
      links()[0].focus();
    }
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const at = links().indexOf(document.activeElement);
    if (!step || at < 0) return;
    event.preventDefault();
    (links()[at + step] ?? (step < 0 ? field : document.activeElement)).focus();
  });
  if (location.hash === "#find") {
    history.replaceState(null, "", location.pathname + location.search);
    field.focus();
  }
  return field;
}
