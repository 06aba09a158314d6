// Copying and printing number and code.
"use strict";

(() => {
  const box = document.querySelector("[data-receipt]");
  if (!box) return;
  const told = document.querySelector("[data-copied]");
  const copy = box.querySelector("[data-copy]");

  const copyOldWay = (text) => {
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    copy.focus();
  };
  copy.addEventListener("click", async () => {
    const text = copy.dataset.copy;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      copyOldWay(text);
    }
    copy.textContent = told.textContent = copy.dataset.done;
  });
  box.querySelector("[data-print]").addEventListener("click", () => window.print());
  box.hidden = false;
})();
