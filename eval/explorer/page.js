// Buttons of a panel send their data; focus stays where it was; data-hotkey gives a button a key.
let last = null;
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-send]");
  if (!button || button.disabled) return;
  last = button.dataset.key || null;
  trigger("click", { ...button.dataset });
});
watch("value", () => {
  if (!last) return;
  const again = element.querySelector(`[data-key="${CSS.escape(last)}"]`);
  if (again) again.focus({ preventScroll: true });
  last = null;
});
const onKey = (event) => {
  if (!element.isConnected) return document.removeEventListener("keydown", onKey);
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]") && event.key !== "Escape") return;
  const button = element.querySelector(`[data-hotkey="${CSS.escape(event.key)}"]`);
  if (button && button.offsetParent !== null) button.click();
};
document.addEventListener("keydown", onKey);
