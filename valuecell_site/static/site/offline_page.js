// The page that stands in for another while there is no connection: it looks whether the server is back, and goes there.
const EVERY = 5000; // milliseconds

async function look() {
  const answer = await fetch("/healthz", { cache: "no-store" }).catch(() => null);
  if (answer?.ok) location.reload();
}
addEventListener("online", look);
setInterval(look, EVERY);
