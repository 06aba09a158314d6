// Files go up as soon as they are chosen, and go on after a broken line (tus 1.0). A file that
// cannot be uploaded stays in the form, which then sends it as it would without this script.
"use strict";

(() => {
  const TUS = { "Tus-Resumable": "1.0.0" };
  const PAUSES = [1000, 2000, 5000, 10000, 20000, 30000];

  class Refused extends Error {}

  const pause = (ms) => new Promise((done) => setTimeout(done, ms));

  const base64 = (text) =>
    btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(""));

  const begin = async (file) => {
    const headers = {
      ...TUS,
      "Upload-Length": String(file.size),
      "Upload-Metadata": `filename ${base64(file.name || "file")}`,
    };
    const answer = await fetch("/api/v1/uploads", { method: "POST", headers });
    if (!answer.ok) throw new Refused(answer.status);
    return answer.headers.get("Location");
  };

  const offsetOf = async (place) => {
    const answer = await fetch(place, { method: "HEAD", headers: TUS, cache: "no-store" });
    if (answer.status === 404) throw new Refused(404);
    if (!answer.ok) throw new Error(answer.status);
    return Number(answer.headers.get("Upload-Offset"));
  };

  const append = (place, file, offset, item) =>
    new Promise((done, fail) => {
      const request = new XMLHttpRequest();
      item.request = request;
      request.open("PATCH", place);
      request.setRequestHeader("Tus-Resumable", "1.0.0");
      request.setRequestHeader("Upload-Offset", String(offset));
      request.setRequestHeader("Content-Type", "application/offset+octet-stream");
      request.upload.onprogress = (event) => item.show(offset + event.loaded);
      request.onload = () =>
        request.status === 204
          ? done(Number(request.getResponseHeader("Upload-Offset")))
          : fail(new Error(request.status));
      request.onerror = request.onabort = () => fail(new Error("line"));
      request.send(file.slice(offset));
    });

  const upload = async (file, item) => {
    let place = null;
    let offset = 0;
    for (let tries = 0; ; tries += 1) {
      try {
        place = place || (await begin(file));
        if (tries > 0) offset = await offsetOf(place);
        while (offset < file.size) {
          offset = await append(place, file, offset, item);
          tries = 0;
        }
        return place.split("/").pop();
      } catch (error) {
        if (error instanceof Refused || item.removed || tries >= PAUSES.length) throw error;
        item.say("textAgain");
        await pause(PAUSES[tries]);
      }
    }
  };

  class Item {
    constructor(box, file) {
      this.texts = box.dataset;
      this.size = file.size;
      this.removed = false;
      this.line = document.createElement("li");
      const name = document.createElement("span");
      name.textContent = file.name;
      this.state = document.createElement("small");
      this.bar = document.createElement("progress");
      this.bar.max = Math.max(file.size, 1);
      this.bar.value = 0;
      this.bar.setAttribute("aria-label", file.name);
      this.button = document.createElement("button");
      this.button.type = "button";
      this.button.className = "secondary outline";
      this.button.textContent = this.texts.textRemove;
      this.button.setAttribute("aria-label", `${this.texts.textRemove} ${file.name}`);
      this.line.append(name, this.state, this.button, this.bar);
      this.say("textWaiting");
      box.querySelector(".files").append(this.line);
    }

    say(text) {
      if (this.state.textContent !== this.texts[text]) this.state.textContent = this.texts[text];
    }

    show(bytes) {
      this.bar.value = bytes;
      this.say("textSending");
    }

    keep(token) {
      const field = document.createElement("input");
      field.type = "hidden";
      field.name = "uploads";
      field.value = token;
      this.bar.remove();
      this.line.append(field);
      this.say("textDone");
    }
  }

  const start = (box) => {
    const form = box.closest("form");
    const input = box.querySelector("input[type=file]");
    const wait = form.querySelector("[data-wait]");
    const left = new Map();
    let running = 0;
    let submitter = null;

    const leaveInForm = () => {
      const files = new DataTransfer();
      left.forEach((file) => files.items.add(file));
      input.files = files.files;
    };

    const take = async (file) => {
      const item = new Item(box, file);
      item.button.addEventListener("click", () => {
        item.removed = true;
        if (item.request) item.request.abort();
        left.delete(item);
        leaveInForm();
        item.line.remove();
        input.focus();
      });
      if (file.size > Number(box.dataset.largest)) return item.say("textLarge");
      if (box.querySelectorAll(".files li").length > Number(box.dataset.most)) {
        return item.say("textMany");
      }
      running += 1;
      try {
        item.keep(await upload(file, item));
      } catch {
        if (!item.removed) {
          left.set(item, file);
          leaveInForm();
          item.say("textFailed");
        }
      }
      running -= 1;
      if (running === 0 && submitter) {
        wait.textContent = "";
        form.requestSubmit(submitter);
        submitter = null;
      }
    };

    input.addEventListener("change", () => {
      const chosen = Array.from(input.files);
      leaveInForm();
      chosen.forEach(take);
    });
    form.addEventListener("submit", (event) => {
      if (running === 0) return;
      event.preventDefault();
      submitter = event.submitter || form.querySelector("[type=submit]");
      wait.textContent = box.dataset.textSubmit;
    });
  };

  document.querySelectorAll("[data-uploads]").forEach(start);
})();
