// The form's comforts: how much has been typed, and the browser's position. Nothing needs them.
"use strict";

(() => {
  const form = document.querySelector("[data-form]");
  if (!form) return;

  const counter = form.querySelector("[data-counter]");
  const text = form.elements.text;
  const count = () => {
    const characters = Array.from(text.value).length;
    counter.hidden = characters === 0;
    counter.textContent = counter.dataset.text.replace("{n}", characters);
  };
  text.addEventListener("input", count);
  count();

  const box = form.querySelector("[data-position]");
  if (!box || !navigator.geolocation || !window.isSecureContext) return;
  const [find, forget] = [box.querySelector("[data-find]"), box.querySelector("[data-forget]")];
  const told = box.querySelector("[role=status]");

  const keep = (longitude, latitude, words) => {
    form.elements.longitude.value = longitude;
    form.elements.latitude.value = latitude;
    forget.hidden = longitude === "";
    told.textContent = words;
  };
  const found = ({ coords }) => {
    const words = box.dataset.textFound.replace("{n}", Math.round(coords.accuracy));
    keep(coords.longitude, coords.latitude, words);
  };
  find.addEventListener("click", () => {
    told.textContent = box.dataset.textAsking;
    navigator.geolocation.getCurrentPosition(found, () => keep("", "", box.dataset.textFailed), {
      enableHighAccuracy: true,
      timeout: 20000,
    });
  });
  forget.addEventListener("click", () => {
    keep("", "", "");
    find.focus();
  });
  box.hidden = false;
  if (form.elements.longitude.value) {
    forget.hidden = false;
    told.textContent = box.dataset.textKept;
  }
})();
