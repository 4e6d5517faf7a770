// Puts choices in order: a tap takes the next place, arrows move, a cross takes out. Each change goes to the server.
function button(label, text, act, off) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.setAttribute("aria-label", label);
  made.title = label;
  made.disabled = off;
  made.onclick = act;
  return made;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const box = parentElement.querySelector(".mq-rank");
  const state = (parentElement.minqingRank ??= { ranked: [] });
  const labels = new Map(data.choices);
  const words = data.words;

  const change = (ranked) => {
    state.ranked = ranked;
    state.sent = ranked.join(" ");
    state.sentAt = Date.now();
    draw();
    setTriggerValue("ranked", { order: ranked });
  };
  const swapped = (at, other) => {
    const ranked = [...state.ranked];
    [ranked[at], ranked[other]] = [ranked[other], ranked[at]];
    return ranked;
  };

  function draw() {
    const list = box.querySelector("ol");
    list.replaceChildren(
      ...state.ranked.map((value, at) => {
        const row = document.createElement("li");
        const place = document.createElement("b");
        place.textContent = at + 1;
        const text = document.createElement("span");
        const label = labels.get(value);
        text.textContent = label;
        row.append(
          place,
          text,
          button(`${words.up}: ${label}`, "▲", () => change(swapped(at, at - 1)), at === 0),
          button(`${words.down}: ${label}`, "▼", () => change(swapped(at, at + 1)), at === state.ranked.length - 1),
          button(`${words.out}: ${label}`, "✕", () => change(state.ranked.filter((other) => other !== value)), false),
        );
        return row;
      }),
    );
    const rest = data.choices.filter(([value]) => !state.ranked.includes(value));
    box.querySelector("p").textContent = words.rest;
    box.querySelector("p").hidden = rest.length === 0;
    box.querySelector(".mq-rest").replaceChildren(
      ...rest.map(([value, label]) => button(label, label, () => change([...state.ranked, value]), false)),
    );
  }

  // What the server shows counts, unless a later tap is still under way.
  const waiting = state.sentAt && data.ranked.join(" ") !== state.sent && Date.now() - state.sentAt < 4000;
  if (!waiting) {
    state.ranked = data.ranked;
    state.sentAt = null;
  }
  draw();
}
