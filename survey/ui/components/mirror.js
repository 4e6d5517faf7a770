// Keeps text that is being typed until it is in the draft: a copy in this browser's storage at every keystroke,
// a copy to the server within a second and a half of it. After a reload, a lost connection or a restart of the
// server the copy is put back into its field. A copy goes away as soon as the server shows the same text.
const PAUSE_MS = 700; // after the last keystroke
const LONGEST_MS = 1500; // while typing goes on
const AGAIN_MS = 4000; // without an answer

function fieldOf(target, fields) {
  const input = target.closest?.("input, textarea");
  if (!input) return null;
  for (let box = input.closest('[class*="st-key-"]'); box; box = box.parentElement?.closest('[class*="st-key-"]')) {
    for (const name of box.classList) if (fields[name]) return { input, name, ref: fields[name].ref };
  }
  return null;
}

function inputOf(name) {
  return document.querySelector(`.${CSS.escape(name)} textarea, .${CSS.escape(name)} input`);
}

function put(input, text) {
  const kind = input instanceof HTMLTextAreaElement ? HTMLTextAreaElement : HTMLInputElement;
  Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(input, text);
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

function read(key) {
  try {
    const entry = JSON.parse(localStorage.getItem(key));
    return entry && typeof entry.text === "string" ? entry : null;
  } catch {
    return null;
  }
}

function write(key, entry) {
  try {
    localStorage.setItem(key, JSON.stringify(entry));
  } catch {
    // Storage full or switched off: the copy to the server remains.
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  parentElement.style.display = "none";
  const state = (parentElement.minqingMirror ??= {});
  state.data = data;
  state.send = (answers) => setTriggerValue("typed", answers);

  // Everything the server does not show yet goes in one message, so that no message can replace another.
  const flush = () => {
    clearTimeout(state.timer);
    state.timer = state.since = null;
    const answers = {};
    for (const field of Object.values(state.data.fields)) {
      const entry = read(state.data.prefix + field.ref);
      if (entry && entry.text !== field.text) answers[field.ref] = entry.text;
    }
    if (Object.keys(answers).length === 0) return;
    state.sentAt = Date.now();
    state.send(answers);
  };
  const later = () => {
    state.since ??= Date.now();
    clearTimeout(state.timer);
    state.timer = setTimeout(flush, Math.max(0, Math.min(PAUSE_MS, state.since + LONGEST_MS - Date.now())));
  };

  if (!state.listening) {
    state.listening = (event) => {
      if (state.restoring) return;
      const field = fieldOf(event.target, state.data.fields);
      if (!field) return;
      write(state.data.prefix + field.ref, { text: field.input.value, at: Date.now() });
      later();
    };
    document.addEventListener("input", state.listening, true);
  }

  // A copy that the server shows is no longer needed; any other is put back into its field and sent again.
  const settle = () => {
    for (const [name, field] of Object.entries(state.data.fields)) {
      const key = state.data.prefix + field.ref;
      const entry = read(key);
      if (!entry) continue;
      const input = inputOf(name);
      if (input && input.value !== entry.text && document.activeElement !== input) {
        state.restoring = true;
        put(input, entry.text);
        state.restoring = false;
      }
      if (entry.text === field.text) {
        if (input && input.value === entry.text) localStorage.removeItem(key);
      } else if (!state.timer && Date.now() - (state.sentAt ?? 0) > AGAIN_MS) {
        later();
      }
    }
  };
  settle();
  clearInterval(state.settling);
  state.settling = setInterval(settle, LONGEST_MS);

  return () => {
    clearInterval(state.settling);
    clearTimeout(state.timer);
    document.removeEventListener("input", state.listening, true);
    state.listening = null;
  };
}
