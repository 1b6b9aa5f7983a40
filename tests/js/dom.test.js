import { to } from "/static/site/api.js";
import { h } from "/static/site/dom.js";
import { limit, tooLong } from "/static/site/limits.js";
import { search } from "/static/site/menu.js";
import { named } from "/static/site/names.js";
import { explain } from "/static/site/notices.js";
import { words } from "/static/site/words.js";
import { equal, ok, run, test } from "./check.js";

export { run };

test("children are taken from lists of any depth, and what is nothing is left out", () => {
  const made = h("div", null, "a", [null, ["b", [h("i", null, [["c"]]), false]], undefined], 0);
  equal(made.innerHTML, "ab<i>c</i>0");
});
test("what stands in a path is encoded, whatever it is", () => {
  equal(to`/tasks/${"a/../b?c#d"}/runs?limit=${20}`, "/tasks/a%2F..%2Fb%3Fc%23d/runs?limit=20");
  equal(to`/tasks`, "/tasks");
});

test("a text's length is counted as the server counts it", () => {
  equal(tooLong("😀".repeat(5), 5), "");
  equal(tooLong("😀".repeat(6), 5), "6 characters; at most 5.");
  equal(tooLong("x".repeat(40000), 32000), "40,000 characters; at most 32,000.");
});
test("a field says that it holds too much as long as it does, and no longer", () => {
  const field = h("input");
  const wrong = h("span");
  const fits = limit(field, 3, wrong);
  const type = (text) => {
    field.value = text;
    field.dispatchEvent(new Event("input"));
  };
  wrong.textContent = "said by the server";
  type("abc");
  equal([fits(), wrong.textContent], [true, "said by the server"], "what another said stays:");
  type("abcd");
  equal([fits(), field.getAttribute("aria-invalid")], [false, "true"]);
  ok(wrong.textContent.startsWith("4 characters"), wrong.textContent);
  type("ab");
  equal([fits(), wrong.textContent, field.hasAttribute("aria-invalid")], [true, "", false]);
});

const LABELS = ["choose for me", "machineagent", "marketdataagent", "research agent", "scriptedagent", "sleeper"];
test("a name that is typed leads to the entry that begins with it, not to that of its last letter", () => {
  let at = 0;
  let typed = "";
  for (const letter of "mar") {
    typed += letter;
    at = search(LABELS, typed, at);
  }
  equal(LABELS[at], "marketdataagent");
  equal(LABELS[search(LABELS, "mach", 1)], "machineagent", "from where it stands already:");
  equal(LABELS[search(LABELS, "research a", 3)], "research agent", "with a space:");
  equal(search(LABELS, "z", 0), -1);
});
test("one letter again and again goes from match to match, and round", () => {
  let at = 0;
  const seen = [];
  for (let times = 1; times <= 3; times += 1) {
    at = search(LABELS, "s".repeat(times), at);
    seen.push(LABELS[at]);
  }
  equal(seen, ["scriptedagent", "sleeper", "scriptedagent"]);
  equal(search(["a", "aa"], "aa", 0), 1, "where a name begins so, it is meant:");
});

test("a title of which nothing can be seen is called what it is", () => {
  for (const blank of ["", " ", "\u200b", "\u200b\ufeff\u00ad\u2060", "\u3164", "\u0301", null, undefined]) equal(named(blank), words.untitled, JSON.stringify(blank));
  for (const title of ["a", "\u200b.", "中", "😀", "e\u0301"]) equal(named(title), title);
});
test("who is signed out is told so with the way back, and everybody else what went wrong", () => {
  const box = h("div", null, explain({ signedOut: true, message: "Authorization: Bearer TOKEN" }, { stay: false }));
  equal(box.textContent, "You are signed out. Sign in again: your text is kept.");
  equal(new URL(box.querySelector("a").href).search, `?next=${encodeURIComponent(location.pathname)}`);
  equal(h("div", null, explain(new Error("No."))).textContent, "No.");
});
