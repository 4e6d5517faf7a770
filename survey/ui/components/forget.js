// Wipes what the pages keep in this browser's storage under a prefix, but for what begins with `keep`.
export default function ({ data, parentElement }) {
  parentElement.style.display = "none";
  for (const key of Object.keys(localStorage)) {
    if (key.startsWith(data.prefix) && !(data.keep && key.startsWith(data.keep))) localStorage.removeItem(key);
  }
}
