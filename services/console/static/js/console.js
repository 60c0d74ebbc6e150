// What the pages need beside htmx: live parts, the connection's banner, toasts, dialogs, switches. No inline handlers.

const body = document.body;
const say = (name) => body.dataset[`say${name}`] ?? "";

// --- Toasts -------------------------------------------------------------------------------------------------------
const SHOWN_MS = 6000;

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const source = document.querySelector("svg.icon use")?.getAttribute("href")?.split("#")[0] ?? "/static/icons.svg";
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${source}#${name}`);
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

export function toast({ text, kind = "ok", hint = "" }) {
  const area = document.getElementById("toasts");
  if (!area || !text) return;
  const box = document.createElement("div");
  box.className = `toast ${kind}`;
  box.dataset.test = "toast";
  box.setAttribute("role", kind === "error" ? "alert" : "status");
  const words = document.createElement("div");
  const first = document.createElement("b");
  first.textContent = text;
  words.append(first);
  if (hint) {
    const second = document.createElement("p");
    second.textContent = hint;
    words.append(second);
  }
  const close = document.createElement("button");
  close.type = "button";
  close.className = "button quiet icon-only";
  close.setAttribute("aria-label", say("Close"));
  close.append(icon("x"));
  close.addEventListener("click", () => box.remove());
  box.append(icon({ ok: "circle-check", info: "info" }[kind] ?? "triangle-alert"), words, close);
  // The same word twice is one word.
  for (const old of area.children) if (old.textContent === box.textContent) old.remove();
  area.append(box);
  while (area.children.length > 4) area.firstChild.remove();
  if (kind !== "error") setTimeout(() => box.remove(), SHOWN_MS);
}

body.addEventListener("toast", (event) => toast(event.detail));
body.addEventListener("htmx:responseError", (event) => {
  const { xhr } = event.detail;
  if (!xhr.getResponseHeader("HX-Trigger") && !xhr.getResponseHeader("HX-Redirect"))
    toast({ text: say("Failed"), kind: "error", hint: `${xhr.status} ${xhr.statusText}` });
});
for (const lost of ["htmx:sendError", "htmx:timeout"])
  body.addEventListener(lost, (event) => {
    // A live part that is asked again later needs no toast: the banner tells of the connection.
    if (!event.detail.elt.dataset.live) toast({ text: say("Failed"), kind: "error", hint: say("Away") });
  });

// --- Live parts ---------------------------------------------------------------------------------------------------
// One EventSource for all parts with data-live="topic ...". Each is told with the event `live`, and htmx asks it anew.
const SILENT_MS = 12000; // a beat comes every 5 s: beyond this the connection is dead, whatever the browser thinks
const LONGEST_WAIT_MS = 15000;
let source = null;
let position = body.dataset.livePosition ?? "";
let failures = 0;
let heard = 0;
let lost = false;
let waiting = 0;

const parts = () => [...document.querySelectorAll("[data-live]")];
const HELD_MS = 5000;
const held = new Map();
const inHand = (part) => part.querySelector("[data-steady]:hover");

// Whoever is about to press a button must not find another one below the finger: such a part waits, though not for long.
function ask(part) {
  if (inHand(part)) {
    if (!held.has(part)) held.set(part, Date.now());
    return;
  }
  held.delete(part);
  window.htmx.trigger(part, "live");
}

function refresh(topics) {
  for (const part of parts()) if (!topics || part.dataset.live.split(" ").some((topic) => topics.includes(topic))) ask(part);
}

setInterval(() => {
  for (const [part, since] of held) {
    if (!part.isConnected) held.delete(part);
    else if (!inHand(part) || Date.now() - since > HELD_MS) {
      held.delete(part);
      window.htmx.trigger(part, "live");
    }
  }
}, 250);

function banner(text, kind) {
  const box = document.getElementById("connection");
  if (!box) return;
  box.hidden = !text;
  box.className = `banner ${kind}`;
  box.replaceChildren(...(text ? [icon(kind === "lost" ? "wifi-off" : "circle-check"), text] : []));
}

function connect() {
  const topics = [...new Set(parts().flatMap((part) => part.dataset.live.split(" ")))];
  source?.close();
  const query = new URLSearchParams({ topics: topics.join(",") });
  const plant = new URLSearchParams(location.search).get("plant");
  if (plant) query.set("plant", plant);
  if (position) query.set("since", position);
  source = new EventSource(`${body.dataset.liveUrl}?${query}`);
  heard = Date.now();
  const alive = (event) => {
    heard = Date.now();
    failures = 0;
    position = event.lastEventId || position;
    if (!lost) return;
    lost = false;
    banner(say("Back"), "back");
    setTimeout(() => lost || banner("", "back"), 4000);
    refresh();
  };
  source.addEventListener("beat", alive);
  source.addEventListener("changed", (event) => {
    const wasLost = lost;
    alive(event);
    if (!wasLost) refresh(JSON.parse(event.data).topics);
  });
  source.addEventListener("again", connect);
  source.onerror = retry;
}

function retry() {
  source?.close();
  source = null;
  failures += 1;
  const wait = Math.min(LONGEST_WAIT_MS, 500 * 2 ** Math.min(failures - 1, 5)) * (0.75 + Math.random() / 2);
  if (failures > 1 || !navigator.onLine) {
    lost = true;
    banner(say("Lost"), "lost");
  }
  clearTimeout(waiting);
  waiting = setTimeout(attempt, wait);
}

async function attempt() {
  clearTimeout(waiting);
  // An EventSource does not tell why it failed: a session that is over needs the sign-in page.
  const answer = await fetch("/alive", { redirect: "manual" }).catch(() => null);
  if (answer?.status === 401) location.reload();
  else connect();
}

if (body.dataset.liveUrl) {
  connect();
  setInterval(() => {
    if (source && Date.now() - heard > SILENT_MS) retry();
  }, 1000);
  window.addEventListener("offline", () => source && retry());
  window.addEventListener("online", () => source || attempt());
  // A tab that was asleep may have missed its beats.
  document.addEventListener("visibilitychange", () => document.hidden || Date.now() - heard < SILENT_MS || !source || retry());
  setInterval(() => document.hidden || refresh(["clock"]), 30000);
}

// --- Dialogs, menu, forms -----------------------------------------------------------------------------------------
document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-open], [data-close], [data-toggle-menu]");
  if (!target) {
    if (event.target.matches("dialog")) event.target.close(); // beside the dialog: on its backdrop
    return;
  }
  if (target.dataset.open) document.getElementById(target.dataset.open)?.showModal();
  else if ("close" in target.dataset) target.closest("dialog")?.close();
  else {
    const nav = target.closest("nav");
    const open = nav.toggleAttribute("data-expanded");
    target.setAttribute("aria-expanded", String(open));
  }
});
document.addEventListener("keydown", (event) => {
  const nav = document.querySelector("nav[data-expanded]");
  if (event.key === "Escape" && nav) {
    nav.removeAttribute("data-expanded");
    const button = nav.querySelector("[data-toggle-menu]");
    button?.setAttribute("aria-expanded", "false");
    button?.focus();
  }
});
document.addEventListener("change", (event) => event.target.closest("form[data-submit-on-change]")?.requestSubmit());
// A dialog that htmx has just brought opens by itself.
body.addEventListener("htmx:afterSwap", (event) => {
  const dialog = event.target.querySelector?.(":scope > dialog[data-open-now]");
  if (dialog && !dialog.open) dialog.showModal();
});
// A dialog whose form was taken closes.
body.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) event.target.closest("dialog:not([data-keep])")?.close();
});

// --- Colours ------------------------------------------------------------------------------------------------------
document.querySelector("[data-theme-switch]")?.addEventListener("submit", (event) => {
  const chosen = event.submitter?.value;
  if (!chosen) return;
  event.preventDefault();
  document.documentElement.dataset.theme = chosen;
  document.cookie = `linegate_theme=${chosen}; path=/; max-age=31536000; samesite=lax`;
  for (const button of event.target.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.value === chosen));
});

// --- The clock of the plant ---------------------------------------------------------------------------------------
for (const clock of document.querySelectorAll("[data-clock]")) {
  const format = new Intl.DateTimeFormat(document.documentElement.lang === "de" ? "de-DE" : "en-GB", {
    hour: "2-digit", minute: "2-digit", timeZone: clock.dataset.zone,
  });
  setInterval(() => { clock.textContent = format.format(new Date()); }, 1000);
}

// --- The damage map's opacity, the same on every picture and kept for the next visit ---------------------------------
const OVERLAY = "linegate-overlay";
function overlay(percent) {
  document.documentElement.style.setProperty("--overlay", String(percent / 100));
  for (const range of document.querySelectorAll("[data-overlay]")) range.value = String(percent);
  for (const output of document.querySelectorAll("[data-overlay-value]")) output.textContent = `${percent} %`;
}
const kept = Number(localStorage.getItem(OVERLAY) ?? 100);
overlay(kept >= 0 && kept <= 100 ? kept : 100);
document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-overlay]")) return;
  overlay(Number(event.target.value));
  localStorage.setItem(OVERLAY, event.target.value);
});

// --- Pictures that are gone say so -----------------------------------------------------------------------------------
function gone(image) {
  if (image.classList.contains("overlay")) { image.hidden = true; return; }
  const picture = image.closest(".picture");
  if (!picture) return;
  for (const part of picture.querySelectorAll(".picture-frame, img")) part.hidden = true;
  picture.querySelector(".picture-gone")?.removeAttribute("hidden");
}
document.addEventListener("error", (event) => event.target instanceof HTMLImageElement && gone(event.target), true);
for (const image of document.images) if (image.complete && !image.naturalWidth && image.loading !== "lazy") gone(image);

// --- What the reader has in hands is left alone when a part is asked anew --------------------------------------------
if (window.Idiomorph) {
  const { callbacks } = window.Idiomorph.defaults;
  const written = (node) => node instanceof Element && node.matches("textarea, input:not([type=hidden]), select") &&
    (node === document.activeElement || (node.defaultValue !== undefined && node.value !== node.defaultValue));
  callbacks.beforeNodeMorphed = (old) => !written(old);
  // Opened by the reader, hidden since a picture is gone: the server knows of neither.
  callbacks.beforeAttributeUpdated = (name, node, change) =>
    !((name === "open" && node.matches("details, dialog")) || (name === "hidden" && change === "remove" && node.closest(".picture")) || (name === "hidden" && node.matches(".picture-gone")));
}
// A form that was taken is empty again.
body.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful && event.target.matches("form.judge")) event.target.reset();
});
