// Asks the device for its position when the button is tapped; every failure is a reason, never a dead end.
const WAIT_MS = 20000;
const GOOD_M = 30;
const SETTLE_MS = 6000;

function show(box, words, text, busy) {
  const button = box.querySelector("button");
  button.textContent = busy ? words.working : words.ask;
  button.disabled = busy;
  const line = box.querySelector("p");
  line.textContent = text ?? "";
  line.hidden = !text;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const box = parentElement.querySelector(".mq-place");
  const words = data.words;
  const state = (parentElement.minqingPlace ??= {});
  const button = box.querySelector("button");
  if (!window.isSecureContext) {
    box.classList.add("mq-off");
    show(box, words, words.insecure, false);
    button.disabled = true;
    const link = box.querySelector("a");
    link.textContent = words.install;
    link.href = "/install";
    link.hidden = false;
    return;
  }
  if (!state.busy) show(box, words, state.text, false);

  const fail = (reason) => {
    state.busy = false;
    state.text = words[reason] ?? words.unavailable;
    show(box, words, state.text, false);
  };
  button.onclick = () => {
    if (!navigator.geolocation) return fail("unavailable");
    state.busy = true;
    show(box, words, words.waiting, true);
    let best = null;
    let timer = null;
    const done = () => {
      navigator.geolocation.clearWatch(watch);
      clearTimeout(timer);
      state.busy = false;
      state.text = null;
      show(box, words, null, false);
      const { latitude, longitude, altitude, accuracy } = best.coords;
      setTriggerValue("found", { lat: latitude, lon: longitude, altitude: altitude ?? 0, accuracy });
    };
    const watch = navigator.geolocation.watchPosition(
      (position) => {
        if (!best || position.coords.accuracy < best.coords.accuracy) best = position;
        if (best.coords.accuracy <= GOOD_M) done();
        else timer ??= setTimeout(done, SETTLE_MS);
      },
      (error) => {
        navigator.geolocation.clearWatch(watch);
        clearTimeout(timer);
        if (best) done();
        else fail({ 1: "denied", 2: "unavailable", 3: "slow" }[error.code]);
      },
      { enableHighAccuracy: true, timeout: WAIT_MS, maximumAge: 0 },
    );
  };
}
