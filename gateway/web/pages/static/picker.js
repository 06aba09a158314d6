// Fields that name a unit: what fits is offered as one types (ARIA 1.2 combobox with a list).
"use strict";

document.querySelectorAll("input[data-picker]").forEach((input) => {
  const list = document.createElement("ul");
  list.id = `${input.id}-list`;
  list.className = "picker";
  list.setAttribute("role", "listbox");
  const label = document.querySelector(`label[for="${input.id}"]`);
  list.setAttribute("aria-label", label ? label.textContent.trim() : input.id);
  list.hidden = true;
  input.after(list);
  // The browser's own list knows neither pinyin nor duties.
  input.removeAttribute("list");
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-expanded", "false");
  input.setAttribute("aria-controls", list.id);

  let chosen = -1;
  let asked = null;
  let timer = 0;

  const close = () => {
    list.hidden = true;
    chosen = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };

  const mark = (place) => {
    const options = Array.from(list.children);
    chosen = options.length ? (place + options.length) % options.length : -1;
    options.forEach((option, index) => {
      option.setAttribute("aria-selected", String(index === chosen));
    });
    if (chosen < 0) return;
    input.setAttribute("aria-activedescendant", options[chosen].id);
    options[chosen].scrollIntoView({ block: "nearest" });
  };

  const take = (option) => {
    input.value = option.dataset.name;
    close();
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };

  const show = (units) => {
    list.replaceChildren(
      ...units.map((unit, index) => {
        const option = document.createElement("li");
        option.id = `${list.id}-${index}`;
        option.setAttribute("role", "option");
        option.dataset.name = unit.name;
        const name = document.createElement("b");
        name.textContent = unit.name;
        option.append(name);
        if (unit.by === "duty" || unit.by === "matter" || unit.by === "code") {
          const why = document.createElement("small");
          why.textContent = ` ${unit.words}`;
          option.append(why);
        }
        option.addEventListener("pointerdown", (event) => {
          event.preventDefault();
          take(option);
        });
        return option;
      }),
    );
    list.hidden = units.length === 0;
    input.setAttribute("aria-expanded", String(units.length > 0));
    if (units.length) mark(0);
    else close();
  };

  const search = async () => {
    if (asked) asked.abort();
    const words = input.value.trim();
    if (!words) {
      close();
      return;
    }
    asked = new AbortController();
    try {
      const path = `/api/v1/units?limit=8&q=${encodeURIComponent(words.slice(0, 100))}`;
      const answer = await fetch(path, { signal: asked.signal });
      if (answer.ok && document.activeElement === input) show((await answer.json()).units);
    } catch {
      // An older search that was given up, or a line that broke: the field takes any words.
    }
  };

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, 80);
  });
  input.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowDown" && list.hidden) search();
    else if (list.hidden) return;
    else if (event.key === "ArrowDown") mark(chosen + 1);
    else if (event.key === "ArrowUp") mark(chosen - 1);
    else if (event.key === "Escape") close();
    else if (event.key === "Enter" && chosen >= 0) take(list.children[chosen]);
    else return;
    event.preventDefault();
  });
  input.addEventListener("blur", close);
});
