// A slider that stands nowhere until it is touched, with a button on either side for one step.
// The value goes to the server when the finger lifts.
function text(data, at) {
  return (data.first + at * data.step).toFixed(data.decimals);
}

export default function ({ data, parentElement, setTriggerValue }) {
  const box = parentElement.querySelector(".mq-slider");
  const input = box.querySelector("input");
  const [less, more] = box.querySelectorAll(".mq-step");
  const clear = box.querySelector(".mq-clear");
  const shown = box.querySelector("output");
  const state = (parentElement.minqingSlider ??= { at: null });
  box.classList.toggle("mq-upright", data.upright);
  box.querySelector(".mq-first").textContent = text(data, 0);
  box.querySelector(".mq-last").textContent = text(data, data.count - 1);
  less.setAttribute("aria-label", data.words.less);
  more.setAttribute("aria-label", data.words.more);
  clear.textContent = data.words.clear;
  input.setAttribute("aria-label", data.label);
  input.min = 0;
  input.max = data.count - 1;
  input.step = 1;

  const show = () => {
    const touched = state.at !== null;
    box.classList.toggle("mq-untouched", !touched);
    input.value = touched ? state.at : Math.floor((data.count - 1) / 2);
    shown.textContent = touched ? text(data, state.at) : data.words.untouched;
    input.setAttribute("aria-valuetext", shown.textContent);
    clear.hidden = !touched;
    less.disabled = !touched || state.at <= 0;
    more.disabled = !touched || state.at >= data.count - 1;
  };
  const send = () => {
    state.dragging = false;
    state.sent = state.at;
    state.sentAt = Date.now();
    setTriggerValue("moved", { at: state.at });
  };
  const to = (at) => {
    state.at = at;
    show();
    send();
  };

  // What the server shows counts, unless a later move is still under way.
  const waiting = state.sentAt && data.at !== state.sent && Date.now() - state.sentAt < 4000;
  if (!state.dragging && !waiting) {
    state.at = data.at;
    state.sentAt = null;
    show();
  }

  input.onpointerdown = () => (state.dragging = true);
  input.oninput = () => {
    state.at = Number(input.value);
    const at = input.value;
    show();
    input.value = at;
  };
  input.onchange = () => {
    state.at = Number(input.value);
    show();
    send();
  };
  // A tap where the invisible thumb lies changes nothing, but it is an answer.
  input.onpointerup = () => {
    if (state.at === null) to(Number(input.value));
    state.dragging = false;
  };
  input.onpointercancel = () => (state.dragging = false);
  less.onclick = () => to(state.at - 1);
  more.onclick = () => to(state.at + 1);
  clear.onclick = () => to(null);
}
