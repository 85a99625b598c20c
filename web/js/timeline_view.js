/** The timeline as elements: a block for each line, as long as it sounds, in a row and a colour for each speaker. */
import { say } from "./words.js";

const COLOURS = ["#4e9af1", "#f19a4e", "#5ec27a", "#c774d8", "#e0c341", "#e0606c", "#49c0c0", "#9a8cf0"];
const LEAST_SCALE = 36; // pixels a second
const MOST_SCALE = 120;
const LEAST_WIDTH = 26;
const ROW_HEIGHT = 40;
const CUE_GAP = 0.12;

const STYLE = `
.itts { font: 12px/1.35 sans-serif; color: var(--input-text, #ddd); background: var(--comfy-input-bg, #222);
  border: 1px solid var(--border-color, #4e4e4e); border-radius: 6px; display: flex; flex-direction: column;
  overflow: hidden; height: 100%; box-sizing: border-box; }
.itts-head { display: flex; gap: 8px; align-items: center; padding: 4px 6px; min-height: 22px; }
.itts-state { flex: 1; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.itts-state.fault { color: #ff8a80; white-space: normal; cursor: pointer; }
.itts-strip { position: relative; flex: 1; overflow: auto; min-height: ${ROW_HEIGHT + 6}px; }
.itts-block { position: absolute; height: ${ROW_HEIGHT - 4}px; border-radius: 4px; overflow: hidden; cursor: pointer;
  border: 1px solid transparent; box-sizing: border-box; }
.itts-block.chosen { border-color: #fff; }
.itts-block.stale { opacity: 0.5; }
.itts-block span { position: absolute; left: 3px; top: 1px; right: 2px; font-size: 10px; color: #fff; white-space: nowrap;
  overflow: hidden; text-shadow: 0 0 3px #000; pointer-events: none; }
.itts-block canvas { position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none; }
.itts-foot { padding: 3px 6px; border-top: 1px solid var(--border-color, #4e4e4e); display: flex; gap: 6px; align-items: center; }
.itts-words { flex: 1; max-height: 48px; overflow: auto; }
.itts button { background: transparent; color: inherit; border: 1px solid var(--border-color, #666); border-radius: 4px;
  cursor: pointer; padding: 0 6px; }
.itts button.on { background: #4e9af1; color: #fff; }
.itts-note { color: #ffcc80; }`;

export class TimelineView {
  /**
   * @param {{onPlay, onPlayAll, onReroll, onPin, onFault}} actions what the buttons do
   */
  constructor(actions) {
    addStyle();
    this.actions = actions;
    this.takes = new Map();
    this.cues = new Map();
    this.chosen = null;
    this.stale = new Set();
    this.pinned = new Set();
    this.root = element("div", "itts");
    const head = this.root.appendChild(element("div", "itts-head"));
    this.all = head.appendChild(button("▶", say("play_all"), () => actions.onPlayAll()));
    this.state = head.appendChild(element("div", "itts-state"));
    this.state.addEventListener("click", () => actions.onFault());
    this.strip = this.root.appendChild(element("div", "itts-strip"));
    const foot = this.root.appendChild(element("div", "itts-foot"));
    this.play = foot.appendChild(button("▶", say("play"), () => this.chosen && actions.onPlay(this.chosen)));
    this.dice = foot.appendChild(button("⟳", say("reroll"), () => this.chosen && actions.onReroll(this.chosen)));
    this.pin = foot.appendChild(button("⚲", say("pin"), () => this.chosen && actions.onPin(this.chosen)));
    this.words = foot.appendChild(element("div", "itts-words"));
    this.draw();
  }

  /** A finished line. */
  addTake(take) {
    this.takes.set(take.line, take);
    this.stale.delete(take.line);
    for (const line of this.takes.keys()) if (line > take.count) this.takes.delete(line);
    this.draw();
  }

  placeCues(cues) {
    this.cues = new Map(cues.map((cue) => [cue.line, cue]));
    this.draw();
  }

  /** Before a new run: earlier places are no longer right. */
  beginRun() {
    this.cues = new Map();
  }

  markStale(line) {
    this.stale.add(line);
    this.draw();
  }

  showPinned(lines) {
    this.pinned = new Set(lines);
    this.draw();
  }

  choose(line) {
    this.chosen = line;
    this.draw();
  }

  /** A sentence at the top; a fault can be clicked. */
  setState(text, fault = false) {
    this.state.textContent = text;
    this.state.title = text;
    this.state.classList.toggle("fault", fault);
  }

  setPlaying(line) {
    this.all.textContent = line === null ? "▶" : "■";
    this.play.textContent = line !== null && line === this.chosen ? "■" : "▶";
  }

  draw() {
    const lines = [...this.takes.keys()].sort((one, other) => one - other);
    const speakers = [...new Set(lines.map((line) => this.takes.get(line).speaker))];
    let end = 0;
    const starts = lines.map((line) => {
      const cue = this.cues.get(line);
      const start = cue ? cue.start : end;
      end = cue ? cue.end : start + this.takes.get(line).seconds + CUE_GAP;
      return start;
    });
    const fitting = (this.strip.clientWidth - 12) / Math.max(end, 1);
    this.scale = Math.min(MOST_SCALE, Math.max(LEAST_SCALE, fitting));
    const blocks = lines.map((line, place) => {
      const take = this.takes.get(line);
      return this.drawBlock(take, starts[place], speakers.indexOf(take.speaker));
    });
    this.strip.replaceChildren(...blocks);
    this.strip.classList.toggle("empty", blocks.length === 0);
    if (blocks.length === 0) this.strip.textContent = ` ${say("nothing_spoken")}`;
    this.drawWords();
  }

  drawBlock(take, start, row) {
    const colour = COLOURS[row % COLOURS.length];
    const block = element("div", "itts-block");
    const width = Math.max(LEAST_WIDTH, take.seconds * this.scale);
    block.style.cssText = `left:${4 + start * this.scale}px;top:${2 + row * ROW_HEIGHT}px;width:${width}px;background:${colour}55`;
    block.classList.toggle("chosen", take.line === this.chosen);
    block.classList.toggle("stale", this.stale.has(take.line));
    block.title = `${take.line}. ${take.speaker}: ${take.text}\n${take.seconds.toFixed(2)} s${notesOf(take)}`;
    block.dataset.line = take.line;
    block.appendChild(drawPeaks(take.peaks, colour));
    const label = block.appendChild(element("span"));
    const marks = `${this.pinned.has(take.line) ? "⚲ " : ""}${take.notes.length ? "! " : ""}`;
    label.textContent = `${marks}${take.line}. ${take.speaker}: ${take.text}`;
    block.addEventListener("click", () => {
      this.choose(take.line);
      this.actions.onPlay(take.line);
    });
    return block;
  }

  drawWords() {
    const take = this.takes.get(this.chosen);
    this.pin.classList.toggle("on", this.pinned.has(this.chosen));
    this.pin.title = say(this.pinned.has(this.chosen) ? "unpin" : "pin");
    this.words.replaceChildren();
    if (!take) return;
    this.words.append(`${take.line}. ${take.speaker}: ${take.text}`);
    const notes = [...take.notes, ...(this.stale.has(take.line) ? [say("changed")] : [])];
    for (const note of notes) this.words.appendChild(element("div", "itts-note")).textContent = note;
  }
}

function drawPeaks(peaks, colour) {
  const canvas = element("canvas");
  canvas.width = peaks.length * 3;
  canvas.height = ROW_HEIGHT;
  const pen = canvas.getContext("2d");
  pen.fillStyle = colour;
  peaks.forEach((peak, place) => {
    const height = Math.max(1, (peak / 100) * ROW_HEIGHT);
    pen.fillRect(place * 3, (ROW_HEIGHT - height) / 2, 2, height);
  });
  return canvas;
}

function notesOf(take) {
  return take.notes.map((note) => `\n${note}`).join("");
}

function element(tag, name = "") {
  const made = document.createElement(tag);
  if (name) made.className = name;
  return made;
}

function button(text, title, act) {
  const made = element("button");
  made.textContent = text;
  made.title = title;
  made.addEventListener("click", (event) => {
    event.stopPropagation();
    act();
  });
  return made;
}

function addStyle() {
  if (document.getElementById("itts-style")) return;
  const style = element("style");
  style.id = "itts-style";
  style.textContent = STYLE;
  document.head.appendChild(style);
}
