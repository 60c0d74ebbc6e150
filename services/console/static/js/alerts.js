// Alerts by keyboard, pictures that are not kept, and copying a secret. No inline handlers.

const typing = (element) => element.closest("input, textarea, select, dialog, [contenteditable]");

// j and k go from alert to alert; within [data-keys] the key of a button with data-key presses it.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const alerts = [...document.querySelectorAll("[data-keys]")];
  const at = alerts.indexOf(event.target.closest("[data-keys]"));
  if (event.key === "j" || event.key === "k") {
    const next = alerts[at < 0 ? 0 : Math.min(alerts.length - 1, Math.max(0, at + (event.key === "j" ? 1 : -1)))];
    next?.querySelector("[data-focus]")?.focus();
    if (next) event.preventDefault();
    return;
  }
  // The page of one alert needs no choice.
  const chosen = at >= 0 ? alerts[at] : alerts.length === 1 ? alerts[0] : null;
  const button = chosen?.querySelector(`button[data-key="${CSS.escape(event.key)}"]`);
  if (!button) return;
  event.preventDefault();
  button.click();
});

// Within the dialog Ctrl+Enter says it, as in any box for a few words.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.target.closest("#alert-dialog form")?.requestSubmit();
});

document.getElementById("alert-dialog")?.addEventListener("close", () => {
  document.getElementById("alert-dialog-content").replaceChildren();
});

// A picture that is not kept any more leaves a sign of it. A part that was asked anew has lost the mark.
const mark = (image) => image.parentElement.classList.add("missing");
const broken = () => {
  for (const image of document.querySelectorAll("img[data-fallback]"))
    if (image.complete && image.naturalWidth === 0 && image.currentSrc) mark(image);
};
document.addEventListener("error", (event) => event.target.matches?.("img[data-fallback]") && mark(event.target), true);
document.body.addEventListener("htmx:afterSettle", broken);
broken();

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copy)?.textContent ?? "";
  const label = button.querySelector("span");
  try {
    // Browsers give pages the clipboard over HTTPS and on this machine only.
    await navigator.clipboard.writeText(text);
    label.textContent = button.dataset.copied;
  } catch {
    getSelection()?.selectAllChildren(document.getElementById(button.dataset.copy));
    document.execCommand("copy");
    label.textContent = button.dataset.copied;
  }
});
