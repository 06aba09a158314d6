// One ticket: countdowns, undo, claiming when work begins, first field of a form that is opened.
"use strict";

(() => {
  const screen = document.querySelector("[data-ticket][data-claim]");
  if (!screen) return;
  const chinese = document.documentElement.lang.startsWith("zh");

  const span = (seconds) => {
    const total = Math.floor(Math.abs(seconds));
    const hours = Math.floor(total / 3600);
    const minutes = Math.floor((total % 3600) / 60);
    const two = (number) => String(number).padStart(2, "0");
    if (hours >= 48) {
      const days = Math.floor(hours / 24);
      return chinese ? `${days} 天 ${hours % 24} 小时` : `${days} d ${hours % 24} h`;
    }
    if (hours) return chinese ? `${hours} 小时 ${two(minutes)} 分` : `${hours} h ${two(minutes)} min`;
    return chinese ? `${minutes} 分 ${two(total % 60)} 秒` : `${minutes} min ${two(total % 60)} s`;
  };
  const said = (seconds) => {
    if (seconds >= 0) return chinese ? `还剩 ${span(seconds)}` : `${span(seconds)} left`;
    return chinese ? `已超 ${span(seconds)}` : `${span(seconds)} over`;
  };

  const tick = () => {
    const now = Date.now();
    document.querySelectorAll("[data-due]").forEach((item) => {
      const [begun, due] = [Date.parse(item.dataset.begun), Date.parse(item.dataset.due)];
      item.querySelector("[data-left]").textContent = said((due - now) / 1000);
      item.dataset.tone = now >= due ? "late" : now - begun >= due - now ? "warn" : "calm";
    });
  };

  // The clock of the page may be wrong: what is left to undo is counted from when it came.
  const undo = document.querySelector("[data-undo-until]");
  const came = performance.now();
  const undoTick = () => {
    if (!undo || undo.hidden) return;
    const given = (Date.parse(undo.dataset.undoUntil) - Date.parse(undo.dataset.now)) / 1000;
    const left = Math.floor(given - (performance.now() - came) / 1000);
    const text = undo.querySelector("[data-undo-left]");
    text.textContent = text.dataset.text.replace("%d", String(Math.max(left, 0)));
    undo.hidden = left <= 0;
  };

  let touched = false;
  let mine = screen.dataset.mine === "1";
  let holder = screen.dataset.holder;
  const claimed = document.querySelector("[data-claimed]");
  const claim = async () => {
    try {
      const answer = await fetch(screen.dataset.claim, {
        method: "POST",
        headers: { "X-CSRF-Token": screen.dataset.token },
      });
      mine = answer.ok;
      touched = false;
      claimed.hidden = false;
      claimed.textContent = answer.ok ? claimed.dataset.textMine : claimed.dataset.textLost;
      if (answer.ok) holder = screen.dataset.me;
    } catch {
      // The act itself asks whose the ticket is.
    }
  };

  // What others do with the ticket meanwhile is told as it happens.
  const news = document.querySelector("[data-news]");
  const newsText = document.querySelector("[data-news-text]");
  const tell = (words) => {
    newsText.textContent = words;
    news.hidden = false;
  };
  const hear = (event) => {
    const heard = JSON.parse(event.data);
    const found = [...heard.tickets, ...heard.gone].find(
      (item) => item.ticket_id === screen.dataset.ticket,
    );
    if (!found) return;
    if (found.version !== Number(screen.dataset.version)) tell(newsText.dataset.textChanged);
    const other = found.claimed_by || "";
    if (other && other !== screen.dataset.me && other !== holder) {
      tell(newsText.dataset.textTaken.replace("%s", other));
    }
    holder = other;
  };
  if (window.EventSource) {
    let source = null;
    const open = () => {
      source = new EventSource("/api/v1/live");
      source.addEventListener("tickets", hear);
    };
    const close = () => {
      if (source) source.close();
      source = null;
    };
    open();
    window.addEventListener("pagehide", close);
    window.addEventListener("pageshow", (event) => {
      if (event.persisted) open();
    });
  }

  // Work begins with the first key or choice in a form; while the page is used, the claim is renewed.
  document.querySelectorAll("[data-act] form").forEach((form) => {
    form.addEventListener("input", () => {
      if (!mine && screen.dataset.can === "1") {
        mine = true;
        claim();
      }
    });
  });
  ["keydown", "pointermove", "scroll"].forEach((name) => {
    document.addEventListener(name, () => (touched = true), { passive: true });
  });
  setInterval(() => {
    if (mine && touched && !document.hidden) claim();
  }, Math.max(Number(screen.dataset.lease) / 2, 10) * 1000);

  document.querySelectorAll("details[data-act]").forEach((details) => {
    details.addEventListener("toggle", () => {
      if (!details.open) return;
      const field = details.querySelector("input:not([type=hidden]), select, textarea");
      if (field) field.focus();
    });
  });

  // Ctrl+Enter sends the form in which one is, and no other that is open too.
  document.addEventListener("focusin", (event) => {
    document.querySelectorAll("[data-send]").forEach((button) => {
      if (button.form.contains(event.target)) button.dataset.key = "Ctrl+Enter";
      else delete button.dataset.key;
    });
  });

  // Nothing is sent twice by a key that is held down.
  document.querySelectorAll("form[method=post]").forEach((form) => {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "1";
    });
  });
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
  });

  tick();
  undoTick();
  setInterval(tick, 1000);
  setInterval(undoTick, 250);
})();
