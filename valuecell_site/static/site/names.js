// What a thing is called where its title shows nothing: a link that cannot be seen cannot be pressed.
import { words } from "./words.js";

// Letters, digits, signs: anything but what takes no ink (controls, formats such as the zero-width space, spaces, marks,
// and the letters that are blank by design).
const INK = /[^\p{Cc}\p{Cf}\p{Z}\p{M}\u115f\u1160\u2800\u3164\uffa0]/u;

/** `title` where something of it can be seen, else the word for a thing without one. */
export const named = (title) => (INK.test(title ?? "") ? title : words.untitled);
