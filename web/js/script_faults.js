/** Asks the server what it understands of a script while it is written, and underlines its fault in the text box. */
import { api } from "../../../scripts/api.js";

const WAIT_MS = 400;
const UNDERLINE = "color:transparent;text-decoration:underline wavy #ff5252;text-decoration-skip-ink:none";
const COPIED = [
  "font", "letterSpacing", "lineHeight", "padding", "border", "boxSizing", "whiteSpace", "wordBreak", "overflowWrap",
  "tabSize", "textAlign", "direction",
];

export class ScriptFaults {
  /** @param {() => {text: string, count: number|null}} read  @param {(answer: object) => void} tell */
  constructor(read, tell) {
    this.read = read;
    this.tell = tell;
    this.asked = 0;
    this.lastText = null;
  }

  /** Ask soon, unless nothing has changed. */
  askSoon() {
    const { text, count } = this.read();
    const now = JSON.stringify([text, count]);
    if (now === this.lastText) return;
    this.lastText = now;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), WAIT_MS);
  }

  async ask() {
    const number = ++this.asked;
    try {
      const body = JSON.stringify(this.read());
      const answer = await api.fetchApi("/indextts2/check_script", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body,
      });
      if (answer.ok && number === this.asked) this.tell(await answer.json());
    } catch {
      this.lastText = null; // no answer is no fault of the script's; the next change asks again
    }
  }
}

/** The text box of a widget, in both designs of nodes; null where it is not on the page. */
export function findTextBox(node, widget) {
  const own = widget?.inputEl ?? widget?.element;
  if (own?.tagName === "TEXTAREA" && own.isConnected) return own;
  return document.querySelector(`[data-node-id="${node.id}"] textarea`);
}

/** Place of line and column, from 1, in a text. */
export function placeOf(text, line, column) {
  const before = text.split("\n").slice(0, Math.max(0, line - 1));
  return before.reduce((sum, row) => sum + row.length + 1, 0) + Math.max(0, column - 1);
}

/** Where a fault ends: with its word, at least one letter on. */
export function endOfFault(text, start) {
  const rest = text.slice(start).match(/^(\[[^\]\n]*\]?|<[^>\n]*>?|[^\s:：]+)/);
  return start + Math.max(1, rest ? rest[0].length : 1);
}

/** Underline a fault `{line, column}`; without one, nothing is underlined any more. */
export function underline(box, fault) {
  box.parentElement?.querySelector(":scope > .itts-underline")?.remove();
  if (!fault?.line) return;
  const layer = document.createElement("div");
  layer.className = "itts-underline";
  const style = getComputedStyle(box);
  for (const name of COPIED) layer.style[name] = style[name];
  layer.style.cssText += `;position:absolute;pointer-events:none;color:transparent;background:none;border-color:transparent;
    overflow:hidden;white-space:pre-wrap;left:${box.offsetLeft}px;top:${box.offsetTop}px;
    width:${box.offsetWidth}px;height:${box.offsetHeight}px;z-index:2`;
  const start = placeOf(box.value, fault.line, fault.column);
  const end = endOfFault(box.value, start);
  const mark = document.createElement("span");
  mark.style.cssText = UNDERLINE;
  mark.textContent = box.value.slice(start, end);
  layer.append(box.value.slice(0, start), mark, box.value.slice(end));
  box.insertAdjacentElement("afterend", layer);
  layer.scrollTop = box.scrollTop;
  box.addEventListener("scroll", () => (layer.scrollTop = box.scrollTop));
}

/** Put the caret on a fault. */
export function jumpTo(box, fault) {
  if (!fault?.line) return;
  const start = placeOf(box.value, fault.line, fault.column);
  box.focus();
  box.setSelectionRange(start, endOfFault(box.value, start));
}
