// Keeps text that is being typed until it is in the draft: a copy in this browser's storage at every keystroke,
// a copy to the server within a second and a half of it. After a reload, a lost connection or a restart of the
// server the copy is put back into its field. A copy goes away as soon as the server shows the same text.
const PAUSE_MS = 700; // after the last keystroke
const LONGEST_MS = 1500; // while typing goes on

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
  const state = (parentElement.minqingMirror ??= { pending: new Map(), restored: new Set() });
  state.data = data;
  state.send = (ref, text) => setTriggerValue("typed", { ref, text });

  const flush = () => {
    clearTimeout(state.timer);
    state.timer = null;
    state.since = null;
    const [first] = state.pending;
    if (!first) return;
    state.pending.delete(first[0]);
    state.send(first[0], first[1]);
    if (state.pending.size) state.timer = setTimeout(flush, 200);
  };
  const later = () => {
    state.since ??= Date.now();
    clearTimeout(state.timer);
    state.timer = setTimeout(flush, Math.max(0, Math.min(PAUSE_MS, state.since + LONGEST_MS - Date.now())));
  };

  if (!state.listening) {
    state.listening = (event) => {
      const field = fieldOf(event.target, state.data.fields);
      if (!field) return;
      write(state.data.prefix + field.ref, { text: field.input.value, at: Date.now() });
      state.pending.set(field.ref, field.input.value);
      later();
    };
    document.addEventListener("input", state.listening, true);
  }

  // What the server shows is what it has: a copy that equals it is no longer needed, another is put back.
  const settle = () => {
    for (const [name, field] of Object.entries(state.data.fields)) {
      const key = state.data.prefix + field.ref;
      const entry = read(key);
      if (!entry) continue;
      const input = inputOf(name);
      if (entry.text === field.text) {
        if (!input || input.value === entry.text) localStorage.removeItem(key);
        if (input && input.value !== entry.text && document.activeElement !== input) put(input, entry.text);
        continue;
      }
      if (!input || input.disabled || state.pending.has(field.ref)) continue;
      if (input.value !== entry.text && document.activeElement !== input) put(input, entry.text);
      if (input.value === entry.text && Date.now() - (state.sentAt ?? 0) > LONGEST_MS) {
        state.sentAt = Date.now();
        state.pending.set(field.ref, entry.text);
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
