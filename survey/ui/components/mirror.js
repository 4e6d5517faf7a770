// Keeps text that is being typed until it is in the draft: a copy in this browser's storage at every keystroke,
// a copy to the server within a second and a half of it. After a reload, a lost connection or a restart of the
// server the copy is put back into its field. A copy goes away as soon as the server shows the same text.
// A copy knows what the draft may hold if nobody else wrote: what it was typed over (`ours`), and what was sent since.
// Where the draft holds anything else, another device wrote meanwhile: both texts are shown and the cadre chooses.
const PAUSE_MS = 700; // after the last keystroke
const LONGEST_MS = 1500; // while typing goes on
const AGAIN_MS = 4000; // without an answer
const MOST_OURS = 12;
const OTHER = "#other"; // what was typed here over a text that is no longer the draft's

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
    return entry && typeof entry.text === "string" ? { ours: [""], ...entry } : null;
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

// The texts of this tablet beside what the draft holds, each with its two buttons; nothing while there are none.
function showOthers(box, data) {
  const others = Object.entries(data.fields)
    .map(([name, field]) => ({ name, field, key: data.prefix + field.ref + OTHER }))
    .map((one) => ({ ...one, other: read(one.key) }))
    .filter(({ other, field, key }) => {
      if (other && other.text === field.text) localStorage.removeItem(key);
      return other && other.text !== field.text;
    });
  const stamp = JSON.stringify(others.map(({ key, other, field }) => [key, other.at, field.text]));
  if (box.dataset.stamp === stamp) return;
  const isNew = others.length > 0 && !box.dataset.shown;
  box.dataset.stamp = stamp;
  box.dataset.shown = others.length > 0 ? "yes" : "";
  box.style.display = others.length > 0 ? "" : "none";
  box.replaceChildren(...others.map((one) => card(box, data, one)));
  if (isNew) box.scrollIntoView({ block: "center" });
}

function card(box, data, { name, field, key, other }) {
  const words = data.words;
  const made = (tag, text, className) => Object.assign(document.createElement(tag), { textContent: text, className });
  const button = (text, act) => {
    const one = made("button", text, "");
    one.type = "button";
    one.onclick = () => {
      localStorage.removeItem(key);
      act();
      showOthers(box, data);
    };
    return one;
  };
  const here = made("div", "", "mq-two");
  here.setAttribute("role", "alert");
  const when = new Date(other.at).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
  here.append(
    made("b", words.two.replace("{label}", field.label), ""),
    made("small", words.here.replace("{when}", when), ""),
    made("p", other.text, ""),
    made("small", words.draft, ""),
    made("p", field.text || words.empty, ""),
    button(words.use, () => {
      const input = inputOf(name);
      if (input) put(input, other.text);
    }),
    button(words.keep, () => {}),
  );
  return here;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const box = parentElement.querySelector(".mq-others");
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
      if (!entry || entry.text === field.text || !entry.ours.includes(field.text)) continue;
      answers[field.ref] = { text: entry.text, over: entry.ours };
      const ours = entry.ours.filter((text) => text !== entry.text);
      entry.ours = [...ours.slice(0, 1), ...ours.slice(1).slice(2 - MOST_OURS), entry.text];
      write(state.data.prefix + field.ref, entry);
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
      const key = state.data.prefix + field.ref;
      const ours = read(key)?.ours ?? [state.data.fields[field.name].text];
      write(key, { text: field.input.value, at: Date.now(), ours });
      later();
    };
    document.addEventListener("input", state.listening, true);
  }

  const restore = (input, text) => {
    state.restoring = true;
    put(input, text);
    state.restoring = false;
  };

  // A copy that the server shows is no longer needed; any other is put back into its field and sent again, but not
  // over a text that somebody wrote elsewhere.
  const settle = () => {
    for (const [name, field] of Object.entries(state.data.fields)) {
      const key = state.data.prefix + field.ref;
      const entry = read(key);
      if (!entry) continue;
      const input = inputOf(name);
      if (entry.text !== field.text && !entry.ours.includes(field.text)) {
        write(key + OTHER, entry);
        localStorage.removeItem(key);
        if (input) restore(input, field.text);
        continue;
      }
      if (input && input.value !== entry.text && document.activeElement !== input) restore(input, entry.text);
      if (entry.text === field.text) {
        if (input && input.value === entry.text) localStorage.removeItem(key);
      } else if (!state.timer && Date.now() - (state.sentAt ?? 0) > AGAIN_MS) {
        later();
      }
    }
    showOthers(box, state.data);
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
