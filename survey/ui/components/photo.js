// Takes photos in: decodes, turns upright, reduces to at most 1600 px, encodes anew (so that nothing hidden is
// left in the file), and sends one after the other. Time and place of taking are read beforehand, as fields.
// A photo is sent again until the server names it: as soon as a broken connection is back, and else after a while.
const LONGEST_PX = 1600;
const QUALITY = 0.8;
const LOOK_MS = 2000;
const AGAIN_MS = 15000; // a photo may need that long on a weak line; twice as long after each try
const LONGEST_WAIT_MS = 120000;

function isConnected() {
  return document.querySelector('[data-testid="stApp"]')?.dataset.testConnectionState === "CONNECTED";
}

async function decoded(file) {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    const url = URL.createObjectURL(file);
    try {
      const image = new Image();
      image.src = url;
      await image.decode();
      return image;
    } finally {
      URL.revokeObjectURL(url);
    }
  }
}

async function reduced(file) {
  const image = await decoded(file);
  const width = image.naturalWidth ?? image.width;
  const height = image.naturalHeight ?? image.height;
  if (!width || !height) throw new Error("empty");
  const scale = Math.min(1, LONGEST_PX / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close?.();
  const url = canvas.toDataURL("image/jpeg", QUALITY);
  canvas.width = canvas.height = 0;
  return url.slice(url.indexOf(",") + 1);
}

// The few EXIF fields worth keeping (EXIF 2.32): when and where. Anything unexpected reads as nothing.
async function metadata(file) {
  try {
    const view = new DataView(await file.slice(0, 262144).arrayBuffer());
    if (view.getUint16(0) !== 0xffd8) return {};
    let at = 2;
    while (at + 4 < view.byteLength && view.getUint16(at) !== 0xffe1) at += 2 + view.getUint16(at + 2);
    if (view.getUint32(at + 4) !== 0x45786966) return {};
    const start = at + 10;
    const little = view.getUint16(start) === 0x4949;
    const u16 = (offset) => view.getUint16(start + offset, little);
    const u32 = (offset) => view.getUint32(start + offset, little);
    const entries = (offset) => {
      const found = new Map();
      for (let i = 0; i < u16(offset); i++) {
        const entry = offset + 2 + i * 12;
        found.set(u16(entry), { count: u32(entry + 4), place: entry + 8 });
      }
      return found;
    };
    const text = (entry) => {
      const offset = entry.count > 4 ? u32(entry.place) : entry.place;
      let result = "";
      for (let i = 0; i < entry.count - 1; i++) result += String.fromCharCode(view.getUint8(start + offset + i));
      return result;
    };
    const degrees = (entry, sign) => {
      const part = (i) => u32(u32(entry.place) + i * 8) / (u32(u32(entry.place) + i * 8 + 4) || 1);
      const value = part(0) + part(1) / 60 + part(2) / 3600;
      return sign === "S" || sign === "W" ? -value : value;
    };
    const first = entries(u32(4));
    const result = {};
    if (first.has(0x8769)) {
      const taken = entries(u32(first.get(0x8769).place)).get(0x9003);
      if (taken) result.taken = text(taken);
    }
    if (first.has(0x8825)) {
      const gps = entries(u32(first.get(0x8825).place));
      if (gps.has(2) && gps.has(4)) {
        result.lat = degrees(gps.get(2), gps.has(1) ? text(gps.get(1)) : "N");
        result.lon = degrees(gps.get(4), gps.has(3) ? text(gps.get(3)) : "E");
      }
    }
    return result;
  } catch {
    return {};
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const box = parentElement.querySelector(".mq-photo");
  const input = box.querySelector("input");
  const label = box.querySelector("span");
  const line = box.querySelector("p");
  const bar = box.querySelector("progress");
  const words = data.words;
  if (!window.isSecureContext) {
    box.querySelector("small").textContent = words.insecure;
    const link = box.querySelector("a");
    link.textContent = words.install;
    link.href = "/install";
    link.hidden = false;
  }
  const state = (parentElement.minqingPhoto ??= { queue: [], done: 0, total: 0, broken: [] });

  const show = () => {
    const busy = state.queue.length > 0 || state.sent;
    label.textContent = busy
      ? words.working.replace("{n}", state.done + 1).replace("{total}", state.total)
      : words.add;
    bar.hidden = !busy;
    bar.max = Math.max(1, state.total);
    bar.value = state.done;
    input.disabled = busy && !data.several;
    input.multiple = data.several;
    const lines = state.broken.map((name) => words.broken.replace("{name}", name));
    if (state.sent && state.tries > 0) lines.unshift(words.again);
    line.textContent = lines.join(" ");
    line.hidden = lines.length === 0;
  };

  const send = () => {
    state.sentAt = Date.now();
    state.wasCut = !isConnected();
    setTriggerValue("photo", state.photo);
  };
  const look = () => {
    if (!state.sent) return;
    if (!isConnected()) {
      state.wasCut = true;
      return;
    }
    const wait = Math.min(AGAIN_MS * 2 ** state.tries, LONGEST_WAIT_MS);
    if (!state.wasCut && Date.now() - state.sentAt < wait) return;
    state.tries += 1;
    show();
    send();
  };

  const next = async () => {
    if (state.sent || state.working) return;
    const file = state.queue[0];
    if (!file) {
      state.done = state.total = 0;
      show();
      return;
    }
    state.working = true;
    show();
    try {
      const facts = await metadata(file);
      const content = await reduced(file);
      state.sent = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`;
      state.photo = { id: state.sent, name: file.name, content, ...facts };
      state.tries = 0;
      send();
    } catch {
      state.broken.push(file.name);
      state.done += 1;
    }
    state.working = false;
    state.queue.shift();
    if (!state.sent) next();
    show();
  };

  // The server names the photo it took in last; then the next one may go.
  if (state.sent && data.received === state.sent) {
    state.sent = state.photo = null;
    state.done += 1;
    next();
  }
  show();
  clearInterval(state.looking);
  state.looking = setInterval(look, LOOK_MS);

  input.onchange = () => {
    if (!state.sent && !state.working) state.broken = [];
    state.queue.push(...input.files);
    state.total += input.files.length;
    input.value = "";
    next();
    show();
  };
  return () => clearInterval(state.looking);
}
