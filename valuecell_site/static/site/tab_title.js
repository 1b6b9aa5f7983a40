// The browser's title: what the page is about, and in front of it how many conversations have something new.
const MOST = 99;
let text = document.title;
let count = 0;

const show = () => { document.title = count ? `(${count > MOST ? `${MOST}+` : count}) ${text}` : text; };

export function setTitle(about) {
  text = `${about} · ValueCell Tasks`;
  show();
}

export function setUnread(number) {
  count = number;
  show();
}
