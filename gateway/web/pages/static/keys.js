// Keys of a page, as its markup declares them:
//   data-key="c"             pressing c clicks this button or link, or goes into this field
//   data-key="j ArrowDown"   either of the two; data-key="Ctrl+Enter" works inside fields too
//   data-key-label="…"       what the list of keys says, by default the element's own words
//   data-key-native          only listed: the browser itself does it
//   data-key-event="next"    sends the event `key:next` to the document instead of clicking
// Keys of a single character can be switched off (WCAG 2.1.4) and never act inside a field.
"use strict";

(() => {
  const sheet = document.querySelector("[data-keys]");
  const open = document.querySelector("[data-keys-open]");
  if (!sheet || !open) return;

  const OFF = "jiesu.keys.off";
  const MODIFIERS = ["Control", "Shift", "Alt", "Meta"];
  const SHOWN = { ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→", " ": "Space" };
  const list = sheet.querySelector("[data-keys-list]");
  const on = sheet.querySelector("[data-keys-on]");
  let off = false;
  try {
    off = localStorage.getItem(OFF) === "1";
  } catch {
    // A browser that keeps nothing has the keys on.
  }

  const keysOf = (element) => element.dataset.key.split(" ").filter(Boolean);
  const single = (key) => Array.from(key).length === 1;
  const visible = (element) =>
    "keyEvent" in element.dataset || "keyNative" in element.dataset || element.getClientRects().length > 0;
  const declared = () => Array.from(document.querySelectorAll("[data-key]")).filter(visible);
  const labelOf = (element) =>
    element.dataset.keyLabel ||
    element.getAttribute("aria-label") ||
    (element.labels && element.labels[0] && element.labels[0].textContent.trim()) ||
    element.textContent.trim();

  const typing = (target) =>
    target instanceof Element &&
    (target.closest("textarea, select, [contenteditable]") ||
      target.closest("input:not([type=checkbox], [type=radio], [type=submit], [type=button])"));

  const show = () => {
    const told = new Set();
    list.replaceChildren();
    declared().forEach((element) => {
      const name = `${element.dataset.key}\n${labelOf(element)}`;
      if (told.has(name)) return;
      told.add(name);
      const [keys, label] = ["dt", "dd"].map((tag) => document.createElement(tag));
      keysOf(element).forEach((key, index) => {
        const shown = document.createElement("kbd");
        shown.textContent = SHOWN[key] || key;
        keys.append(...(index ? [` ${sheet.dataset.textOr} `] : []), shown);
      });
      label.textContent = labelOf(element);
      list.append(keys, label);
    });
    on.checked = !off;
    if (!sheet.open) sheet.showModal();
  };

  const act = (element, event) => {
    event.preventDefault();
    if (element.dataset.keyEvent) {
      document.dispatchEvent(
        new CustomEvent(`key:${element.dataset.keyEvent}`, { detail: { key: event.key } }),
      );
    } else if (element.matches("input:not([type=submit], [type=button]), select, textarea")) {
      element.focus();
      if (element.select) element.select();
    } else {
      element.click();
    }
  };

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || MODIFIERS.includes(event.key)) return;
    if (document.querySelector("dialog[open]")) return;
    const held = ["ctrlKey", "altKey", "metaKey"].filter((name) => event[name]);
    const name = event.ctrlKey || event.metaKey ? `Ctrl+${event.key}` : event.key;
    if (event.altKey || (held.length === 0 && typing(event.target))) return;
    if (held.length === 0 && off && single(event.key)) return;
    const element = declared().find(
      (item) => keysOf(item).includes(name) && !item.disabled && !("keyNative" in item.dataset),
    );
    if (element) act(element, event);
  });

  on.addEventListener("change", () => {
    off = !on.checked;
    try {
      localStorage.setItem(OFF, off ? "1" : "0");
    } catch {
      // It holds for this page.
    }
  });

  open.addEventListener("click", show);
  open.hidden = false;
})();
