// The queue, live: rows change in place as events come; where one reads and what has the focus stays.
"use strict";

(() => {
  const list = document.querySelector("[data-queue]");
  if (!list || !window.EventSource) return;

  const text = list.dataset;
  const query = JSON.parse(text.query);
  const tiers = JSON.parse(text.tiers);
  const channels = JSON.parse(text.channels);
  const bands = { low: [0, 0.5], middle: [0.5, 0.9], high: [0.9, 2] };
  const most = Number(text.most);
  const empty = document.querySelector("[data-empty]");
  const moreNote = document.querySelector("[data-more-note]");
  const state = document.querySelector("[data-live-state]");
  const announcer = document.querySelector("[data-announce]");
  const ahead = Date.parse(text.now) - Date.now();
  const rows = new Map();
  const news = { fresh: 0, urgent: 0, gone: 0 };
  let more = text.more === "1";
  let last = text.after;
  let source = null;
  let reading = null;
  let telling = null;
  let hiding = null;

  const now = () => Date.now() + ahead;
  const filled = (template, ...values) =>
    values.reduce((words, value) => words.replace(/%[ds]/, () => String(value)), template);
  const part = (row, name) => row.querySelector(`[data-f="${name}"]`);
  const write = (element, words) => {
    if (element.textContent !== words) element.textContent = words;
  };

  const spanOf = (milliseconds) => {
    const seconds = Math.floor(Math.abs(milliseconds) / 1000);
    const [minutes, hours, days] = [60, 3600, 86400].map((size) => Math.floor(seconds / size));
    if (days) return filled(text.textDays, days, hours % 24);
    if (hours) return filled(text.textHours, hours, minutes % 60);
    return minutes ? filled(text.textMinutes, minutes) : filled(text.textSeconds, seconds);
  };

  const toneOf = (row, at) => {
    if (row.dataset.out === "1") return "out";
    const [due, accepted] = [row.dataset.due, row.dataset.accepted].map((time) => Date.parse(time));
    if (at >= due) return "late";
    return at - accepted >= (due - accepted) / 2 ? "warn" : "calm";
  };

  const count = (row, at) => {
    const left = Date.parse(row.dataset.due) - at;
    const tone = toneOf(row, at);
    write(part(row, "left"), filled(left < 0 ? text.textLate : text.textLeft, spanOf(left)));
    const box = row.querySelector(".left");
    if (box.dataset.tone !== tone) {
      box.dataset.tone = tone;
      write(part(row, "tone"), text[`tone${tone[0].toUpperCase()}${tone.slice(1)}`]);
    }
    if (row.dataset.until && Date.parse(row.dataset.until) <= at) {
      row.dataset.until = "";
      write(part(row, "held"), "");
    }
  };

  const element = (tag, attributes, ...children) => {
    const made = document.createElement(tag);
    Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
    made.append(...children);
    return made;
  };

  const blank = (number) =>
    element(
      "li",
      { class: "ticket", "data-ticket": number },
      element("span", { class: "left", "data-tone": "" }, element("b", { "data-f": "left" }), " ",
        element("small", { "data-f": "tone" })),
      element("span", { class: "tier", "data-f": "tier" }),
      element("a", { href: `/agent/tickets/${number}` },
        element("span", { "data-f": "words", lang: "zh-CN" }), " ",
        element("small", { class: "number", "data-f": "number" },
          `${number.slice(0, 6)}-${number.slice(6, 10)}-${number.slice(10, 14)}-${number.slice(14)}`)),
      element("span", { class: "unit", "data-f": "unit", lang: "zh-CN" }),
      element("span", { class: "sure", "data-f": "sure" }),
      element("span", { class: "channel", "data-f": "channel" }),
      element("span", { class: "held", "data-f": "held" }),
    );

  const fill = (row, line) => {
    row.dataset.version = line.version;
    row.dataset.due = line.dispatch_due_at;
    row.dataset.accepted = line.accepted_at;
    row.dataset.published = line.confirmation === "clock" ? "1" : "0";
    row.dataset.out = line.confirmation === "none" ? "0" : "1";
    row.dataset.until = line.claimed_until || "";
    part(row, "tier").dataset.tier = line.tier || "";
    write(part(row, "tier"), tiers[line.tier] || text.textOpen);
    write(part(row, "words"), line.words || "—");
    write(part(row, "unit"), line.unit_name || "—");
    const sure = line.confidence === null ? "—" : `${Math.floor(line.confidence * 100)}%`;
    write(part(row, "sure"), `${text.textSure} ${sure}`);
    write(part(row, "channel"), channels[line.channel] || line.channel);
    const held = line.claimed_by === text.me ? text.textMine : filled(text.textHeld, line.claimed_by);
    write(part(row, "held"), line.claimed_by ? held : "");
  };

  const fits = (line) =>
    line.queue === query.queue &&
    ["tier", "channel", "unit", "district"].every(
      (name) => query[name] === null || query[name] === line[name],
    ) &&
    (query.confidence === null ||
      (line.confidence !== null &&
        line.confidence >= bands[query.confidence][0] &&
        line.confidence < bands[query.confidence][1]));

  const isBefore = (row, other) => {
    const keys = [row, other].map((item) => [
      item.dataset.published, Date.parse(item.dataset.due), item.dataset.ticket,
    ]);
    const place = keys[0].findIndex((key, index) => key !== keys[1][index]);
    return place >= 0 && keys[0][place] < keys[1][place];
  };

  const focus = (row) => {
    const link = row && row.querySelector("a");
    if (link) link.focus();
    return Boolean(link);
  };

  const place = (row) => {
    const [previous, next] = [row.previousElementSibling, row.nextElementSibling];
    const stands = row.parentNode === list && (!previous || isBefore(previous, row)) &&
      (!next || isBefore(row, next));
    if (stands) return;
    const focused = row.contains(document.activeElement);
    const after = Array.from(list.children).find((item) => item !== row && isBefore(row, item));
    list.insertBefore(row, after || null);
    if (focused) focus(row);
  };

  const remove = (number) => {
    const row = rows.get(number);
    if (!row) return false;
    rows.delete(number);
    const near = row.nextElementSibling || row.previousElementSibling;
    const focused = row.contains(document.activeElement);
    row.remove();
    if (focused && !focus(near)) document.querySelector("main").focus();
    return true;
  };

  const put = (line) => {
    let row = rows.get(line.ticket_id);
    if (row && Number(row.dataset.version) > line.version) return;
    if (!fits(line)) {
      news.gone += remove(line.ticket_id) ? 1 : 0;
      return;
    }
    const isNew = !row;
    row = row || blank(line.ticket_id);
    fill(row, line);
    if (isNew && more && list.lastElementChild && isBefore(list.lastElementChild, row)) return;
    count(row, now());
    place(row);
    if (!isNew) return;
    rows.set(line.ticket_id, row);
    news.fresh += 1;
    news.urgent += line.tier === "emergency" ? 1 : 0;
    if (rows.size <= most) return;
    more = true;
    if (!list.lastElementChild.contains(document.activeElement)) {
      remove(list.lastElementChild.dataset.ticket);
    }
  };

  const tell = () => {
    telling = null;
    const words = [];
    if (news.urgent) words.push(announcer.dataset.textUrgent);
    if (news.fresh) words.push(filled(announcer.dataset.textNew, news.fresh));
    if (news.gone) words.push(filled(announcer.dataset.textGone, news.gone));
    Object.keys(news).forEach((name) => (news[name] = 0));
    announcer.textContent = words.join(" · ");
  };

  const settle = () => {
    empty.hidden = rows.size > 0;
    moreNote.hidden = !more;
    if (more && rows.size < most * 0.7) readAgain(1000 + Math.random() * 3000);
    // Not row by row: somebody listens to it.
    if ((news.fresh || news.gone) && telling === null) telling = setTimeout(tell, 5000);
  };

  const show = (name) => {
    state.hidden = false;
    state.dataset.is = name;
    write(state, state.dataset[`text${name[0].toUpperCase()}${name.slice(1)}`]);
  };

  const adopt = (fresh) => {
    const focused = document.activeElement.closest("[data-ticket]");
    const number = focused && list.contains(focused) && focused.dataset.ticket;
    list.replaceChildren(...fresh.children);
    rows.clear();
    Array.from(list.children).forEach((row) => rows.set(row.dataset.ticket, row));
    more = fresh.dataset.more === "1";
    if (number && !focus(rows.get(number))) focus(list.firstElementChild);
    settle();
  };

  const readAgain = (wait) => {
    reading = reading || setTimeout(async () => {
      try {
        const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
        if (answer.status === 401) show("out");
        if (!answer.ok) return;
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        adopt(page.querySelector("[data-queue]"));
      } catch {
        // The stream tells when there is a line again.
      } finally {
        reading = null;
      }
    }, wait);
  };

  const connect = () => {
    source = new EventSource(`/api/v1/live?after=${last}`);
    source.addEventListener("open", () => show("live"));
    source.addEventListener("tickets", (event) => {
      last = event.lastEventId || last;
      const heard = JSON.parse(event.data);
      heard.gone.forEach((item) => (news.gone += remove(item.ticket_id) ? 1 : 0));
      heard.tickets.forEach(put);
      settle();
    });
    source.addEventListener("reset", (event) => {
      last = event.lastEventId || last;
      readAgain(Math.random() * 15000);
    });
    source.addEventListener("error", () => {
      show("lost");
      if (source.readyState !== EventSource.CLOSED) return;
      fetch("/api/v1/session").then(
        (answer) => (answer.status === 401 ? show("out") : setTimeout(connect, 5000)),
        () => setTimeout(connect, 5000),
      );
    });
  };

  // A browser has few connections for one host; a page that nobody looks at gives its own back.
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (document.hidden) {
      hiding = setTimeout(() => {
        source.close();
        source = null;
      }, 60000);
    } else if (source === null) {
      connect();
    }
  });

  const step = (way) => () => {
    const at = document.activeElement.closest("[data-ticket]");
    const row = at && list.contains(at) ? at[way] : list.firstElementChild;
    if (focus(row)) row.scrollIntoView({ block: "nearest" });
  };

  document.addEventListener("key:next", step("nextElementSibling"));
  document.addEventListener("key:previous", step("previousElementSibling"));
  Array.from(list.children).forEach((row) => rows.set(row.dataset.ticket, row));
  setInterval(() => rows.forEach((row) => count(row, now())), 1000);
  connect();
})();
