// The queue as it is now: the server says that it changed, the page fetches its list. Nothing moves under a hand that is about to press.

const PACE = 1500;
const list = document.getElementById("list");
const more = document.getElementById("changed");
const said = document.getElementById("said");
let stream = null;
let waiting = 0;
let last = 0;

const busy = () => list.matches(":hover") || list.contains(document.activeElement);

async function refresh() {
  last = performance.now();
  try {
    const answer = await fetch(list.dataset.address, { redirect: "error" });
    if (!answer.ok) return;
    list.innerHTML = await answer.text();
    more.hidden = true;
    const count = list.querySelector("[data-title]")?.dataset.title;
    if (count && count !== document.title) document.title = said.textContent = count;
  } catch {
    // The stream tells when the gateway is there again.
  }
}

function changed() {
  clearTimeout(waiting);
  waiting = setTimeout(() => { busy() ? (more.hidden = false) : refresh(); }, Math.max(0, PACE - (performance.now() - last)));
}

function state(name) {
  for (const note of document.querySelectorAll("[data-live]")) note.hidden = note.dataset.live !== name;
}

function listen() {
  if (stream || document.visibilityState !== "visible") return;
  stream = new EventSource(list.dataset.events);
  stream.addEventListener("open", () => { state("on"); changed(); });
  stream.addEventListener("queue", changed);
  stream.addEventListener("ended", () => { stop(); state("ended"); });
  stream.addEventListener("error", () => state("off"));
}

function stop() {
  stream?.close();
  stream = null;
}

if (list) {
  listen();
  document.addEventListener("visibilitychange", () => (document.visibilityState === "visible" ? listen() : stop()));
  window.addEventListener("pagehide", stop);
  more.addEventListener("click", refresh);
  list.addEventListener("pointerleave", () => { if (!more.hidden && !busy()) refresh(); });
}
