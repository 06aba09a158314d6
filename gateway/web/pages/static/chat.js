// The chat, live: a WebSocket, or asking again and again where none gets through. A form that has a
// file which could not be uploaded is sent as it would be without this script.
"use strict";

(() => {
  const talk = document.querySelector("[data-talk]");
  const form = document.querySelector("[data-chat-form]");
  const state = document.querySelector("[data-state]");
  if (!talk || !form || !window.WebSocket) return;

  const LINES = "/api/v1/chats/lines";
  const PAUSES = [500, 1000, 3000, 10000];
  const chinese = document.documentElement.lang.startsWith("zh");
  const clock = new Intl.DateTimeFormat(chinese ? "zh-CN" : "en-GB", {
    timeZone: "Asia/Shanghai",
    hour: "2-digit",
    minute: "2-digit",
  });
  const headers = { Authorization: `Bearer ${talk.dataset.chat}` };
  const waiting = new Map();
  let after = talk.dataset.after;
  let socket = null;
  let failures = 0;

  const show = (by, text, at) => {
    const line = document.createElement("li");
    const [who, when, words] = ["b", "time", "p"].map((name) => document.createElement(name));
    line.className = by;
    who.textContent = by === "citizen" ? talk.dataset.textCitizen : talk.dataset.textHotline;
    when.dateTime = at.toISOString();
    when.textContent = clock.format(at);
    words.textContent = text || "📎";
    if (by === "hotline") words.lang = "zh-CN";
    line.append(who, " ", when, " ", words);
    talk.querySelector("ol").append(line);
    talk.scrollTop = talk.scrollHeight;
  };

  const hear = (document) => {
    document.lines.forEach((line) => show(line.by, line.text, new Date(line.at)));
    after = document.after;
  };

  const kept = (id, receipt) => {
    const line = waiting.get(id);
    waiting.delete(id);
    if (line && receipt.greeting) {
      show("citizen", line.text, new Date());
      show("hotline", receipt.greeting, new Date());
    }
  };

  const refused = (id, problem) => {
    const line = waiting.get(id);
    waiting.delete(id);
    if (line && !form.elements.text.value) form.elements.text.value = line.text || "";
    state.textContent = chinese
      ? `${problem.title_zh}：${problem.detail_zh}`
      : `${problem.title}: ${problem.detail}`;
  };

  const post = async (id, line) => {
    const answer = await fetch(LINES, {
      method: "POST",
      headers: { ...headers, "Content-Type": "application/json", "Idempotency-Key": id },
      body: JSON.stringify(line),
    });
    const found = await answer.json();
    if (answer.status === 201) kept(id, found);
    else if (answer.status !== 503) refused(id, found);
  };

  const send = (id, line) => {
    if (socket && socket.readyState === WebSocket.OPEN) {
      socket.send(JSON.stringify({ id, ...line }));
    } else if (failures >= PAUSES.length) {
      post(id, line).catch(() => {});
    }
  };

  const ask = async () => {
    const query = new URLSearchParams({ after, wait: "25" });
    const answer = await fetch(`${LINES}?${query}`, { headers });
    if (!answer.ok) throw new Error(answer.status);
    hear(await answer.json());
  };

  const askForEver = async () => {
    for (;;) {
      try {
        state.textContent = state.dataset.textLive;
        waiting.forEach((line, id) => send(id, line));
        await ask();
      } catch {
        state.textContent = state.dataset.textWaiting;
        await new Promise((done) => setTimeout(done, PAUSES.at(-1)));
      }
    }
  };

  const connect = () => {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    socket = new WebSocket(`${scheme}://${location.host}/api/v1/chats/socket`);
    socket.addEventListener("open", () => {
      failures = 0;
      socket.send(JSON.stringify({ chat: talk.dataset.chat, after }));
      waiting.forEach((line, id) => send(id, line));
      state.textContent = state.dataset.textLive;
    });
    socket.addEventListener("message", (event) => {
      const frame = JSON.parse(event.data);
      if (frame.lines) hear(frame);
      else if (frame.kept) kept(frame.kept, frame);
      else if (frame.problem) refused(frame.refused, frame.problem);
    });
    socket.addEventListener("close", () => {
      state.textContent = state.dataset.textWaiting;
      if (failures < PAUSES.length) {
        setTimeout(connect, PAUSES[failures]);
        failures += 1;
      } else {
        askForEver();
      }
    });
  };

  form.addEventListener("submit", (event) => {
    const input = form.elements.files;
    if (event.defaultPrevented || input.files.length > 0) return;
    event.preventDefault();
    const text = form.elements.text.value.trim();
    const uploads = Array.from(form.querySelectorAll("[name=uploads]"), (field) => field.value);
    if (!text && uploads.length === 0) return form.elements.text.focus();
    const line = { ...(text && { text }), ...(uploads.length > 0 && { uploads }) };
    const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
      byte.toString(16).padStart(2, "0"),
    ).join("");
    waiting.set(id, line);
    send(id, line);
    form.elements.text.value = "";
    form.querySelector(".files").replaceChildren();
    form.elements.text.focus();
  });

  form.elements.text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });

  document.querySelector("[data-refresh]").hidden = true;
  talk.scrollTop = talk.scrollHeight;
  connect();
})();
