// Wipes what the visit pages keep in this browser's storage: every key of the given prefix.
export default function ({ data, parentElement }) {
  parentElement.style.display = "none";
  for (const key of Object.keys(localStorage)) if (key.startsWith(data.prefix)) localStorage.removeItem(key);
}
