import { GrowingProse, blockStarts, mend, render } from "/static/conversations/markdown.js";
import { equal, ok, run, test } from "./check.js";

export { run };

const html = (text) => {
  const box = document.createElement("div");
  box.append(render(text));
  return box.innerHTML;
};
const SAMPLE = "# Head\n\nOne **bold** and *soft* and `code`.\n\n- a\n- b\n\n  more of b\n\n1. x\n2. y\n\n> quote\n\n```python\nprint('**')\n\nx = 1\n```\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\nLast [link](https://example.org) 😀.";

test("text that grows ends as the whole text would be shown", async () => {
  for (const size of [1, 3, 7, 50]) {
    const growing = new GrowingProse();
    growing.set("");
    for (let i = 0; i < SAMPLE.length; i += size) growing.append(SAMPLE.slice(i, i + size));
    growing.draw(true);
    growing.finish();
    const parts = [...growing.element.children].map((part) => part.innerHTML).join("");
    equal(parts.replace(/\n/g, ""), html(SAMPLE).replace(/\n/g, ""), `pieces of ${size}:`);
  }
});
test("a block that another one followed is not drawn again", () => {
  const growing = new GrowingProse();
  growing.set("");
  growing.append("First.\n\nSecond");
  growing.draw(true);
  const first = growing.element.firstElementChild;
  growing.append(" goes on.\n\nThird");
  growing.draw(true);
  ok(growing.element.firstElementChild === first, "the first block is the same element");
  equal(growing.element.children.length, 3);
});
test("finished paragraphs are announced once each, in order", () => {
  const said = [];
  const growing = new GrowingProse({ onblock: (block) => said.push(block.textContent.trim()) });
  growing.set("");
  growing.append("One.\n\nTwo.\n\nThr");
  growing.draw(true);
  growing.append("ee.");
  growing.finish();
  equal(said, ["One.", "Two.", "Three."]);
});
test("blocks begin where they begin", () => equal(blockStarts("a\n\nb\n\n- c\n\n  d\n\ne"), [0, 3, 6, 16]));
test("what is half open does not flash", () => {
  equal(mend("so **bo"), "so **bo**");
  equal(mend("so *so"), "so *so*");
  equal(mend("call `f("), "call `f(`");
  equal(mend("see [the pa"), "see the pa");
  equal(mend("see [the page](https://ex"), "see the page");
  equal(mend("end **"), "end ");
  equal(mend("| a | b |"), "");
  equal(mend("```\n**x"), "```\n**x");
  equal(mend("done **b** and *i*."), "done **b** and *i*.");
});
test("a long block is shown as plain text, quickly", () => {
  const began = performance.now();
  const box = document.createElement("div");
  box.append(render("[".repeat(300000)));
  ok(box.querySelector("pre"), "plain");
  ok(performance.now() - began < 2000, "quick");
});
test("100 kB in 2,000 pieces keeps the page free", async () => {
  const text = Array.from({ length: 400 }, (_, i) => `Paragraph ${i} with **bold** words and \`code\`, ${"long ".repeat(40)}end.`).join("\n\n").slice(0, 100000);
  const growing = new GrowingProse();
  document.body.append(growing.element);
  growing.set("");
  let busy = 0;
  const size = text.length / 2000;
  for (let i = 0; i < 2000; i += 1) {
    growing.append(text.slice(i * size, (i + 1) * size));
    if (i % 4 === 3) {
      const began = performance.now();
      growing.draw(true);
      busy += performance.now() - began;
    }
  }
  growing.finish();
  growing.element.remove();
  // 500 frames at 60 Hz are 8.3 s; a third of that is the goal, and this machine may be busy with other things.
  ok(busy < 2800, `${Math.round(busy)} ms for 500 frames`);
});
