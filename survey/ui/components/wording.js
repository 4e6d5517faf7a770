// Puts the application's words in place of Streamlit's built-in English, wherever they appear.
// One observer a page; a text that is not on the list is left as it is.
const ATTRIBUTES = ["placeholder", "aria-label", "aria-valuetext", "title"];
const PATTERNS = [
  [/^Press (Enter|⌘\+Enter|Ctrl\+Enter) to apply$/, "Press Enter to apply"],
  [/^Press (Enter|⌘\+Enter|Ctrl\+Enter) to submit form$/, "Press Enter to submit form"],
];

function translated(text, words) {
  const whole = text.trim();
  if (!whole) return null;
  if (words[whole] !== undefined) return text.replace(whole, words[whole]);
  const size = whole.match(/^(?:Limit )?(\d+) ?MB per file/);
  if (size && words.Limit) return words.Limit.replace("{n}", size[1]);
  const help = whole.match(/^Help for (.+)$/s);
  if (help && words["Help for"]) return words["Help for"].replace("{name}", () => help[1]);
  const part = whole.match(/^(year|month|day|Choose date), (.*)$/);
  if (part) return `${words[{ year: "yyyy", month: "mm", day: "dd" }[part[1]] ?? part[1]] ?? part[1]}, ${part[2]}`;
  for (const [pattern, key] of PATTERNS) {
    if (pattern.test(whole) && words[key] !== undefined) return text.replace(whole, words[key]);
  }
  return null;
}

// The calendar of a browser set to another language heads its columns with single letters.
function mendWeekdays(table, words) {
  const heads = [...table.querySelectorAll("thead th")];
  const names = (words[heads.map((head) => head.textContent).join("")] ?? "").split(" ");
  if (names.length === heads.length) heads.forEach((head, at) => (head.textContent = names[at]));
}

function mend(node, words) {
  if (node.nodeType === Node.TEXT_NODE) {
    if (node.parentElement && node.parentElement.closest("textarea, script, style, .mq-own")) return;
    const text = translated(node.data, words);
    if (text !== null && text !== node.data) node.data = text;
    return;
  }
  if (node.nodeType !== Node.ELEMENT_NODE) return;
  for (const name of ATTRIBUTES) {
    const value = node.getAttribute(name);
    if (value) {
      const text = translated(value, words);
      if (text !== null && text !== value) node.setAttribute(name, text);
    }
  }
  for (const child of node.childNodes) mend(child, words);
  for (const table of node.querySelectorAll('[role="application"] table')) mendWeekdays(table, words);
}

export default function ({ data, parentElement }) {
  parentElement.style.display = "none";
  const state = (window.minqingWording ??= {});
  state.words = data.words;
  document.documentElement.lang = data.language === "zh" ? "zh-CN" : data.language;
  mend(document.body, state.words);
  if (state.observer) return;
  state.observer = new MutationObserver((changes) => {
    for (const change of changes) {
      if (change.type === "childList") for (const node of change.addedNodes) mend(node, state.words);
      else mend(change.target, state.words);
    }
  });
  state.observer.observe(document.body, {
    subtree: true,
    childList: true,
    characterData: true,
    attributes: true,
    attributeFilter: ATTRIBUTES,
  });
}
