/** The timeline on nodes that speak: lines appear as they are finished, can be played, said anew and pinned. */
import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";
import { drawSeed, readLineSeeds, writeLineSeeds } from "./line_seeds.js";
import { ScriptFaults, findTextBox, jumpTo, underline } from "./script_faults.js";
import { TimelineView } from "./timeline_view.js";
import { say } from "./words.js";

const SCRIPT_BOXES = {
  IndexTTS2_MultiTalk: "conversation_text",
  IndexTTS2_EmotionVoiceMultiTalk: "conversation_text",
  IndexTTS2_Script: "text",
  IndexTTS2_Say: null,
  IndexTTS2_Talk: null,
};
const SPEAKING = ["IndexTTS2_MultiTalk", "IndexTTS2_EmotionVoiceMultiTalk", "IndexTTS2_Say", "IndexTTS2_Talk"];
const HEIGHT = 170;
const SCRIPT_HEIGHT = 34;
const LOOK_MS = 500;
const PLACE = /line (\d+)(?:, column (\d+))?/;

/** What is shown on one node. */
class NodeTimeline {
  constructor(node, kind) {
    this.node = node;
    this.kind = kind;
    this.fault = null;
    this.sound = null;
    this.view = new TimelineView({
      onPlay: (line) => this.playFrom(line, false),
      onPlayAll: () => this.playFrom(this.firstLine(), true),
      onReroll: (line) => this.reroll(line),
      onPin: (line) => this.pin(line),
      onFault: () => this.jump(),
    });
    const speaks = (this.speaks = SPEAKING.includes(kind));
    if (!speaks) for (const part of [this.view.strip, this.view.words.parentElement, this.view.all]) part.remove();
    const height = speaks ? HEIGHT : SCRIPT_HEIGHT;
    const options = { serialize: false, getMinHeight: () => height, getMaxHeight: () => height * 2 };
    const widget = node.addDOMWidget("timeline", "indextts2_timeline", this.view.root, options);
    widget.serialize = false;
    const box = SCRIPT_BOXES[kind];
    if (box) this.watch(box);
    this.showPinned();
  }

  widget(name) {
    return this.node.widgets?.find((widget) => widget.name === name);
  }

  /** Look at the script box now and then: it has no event that both designs of nodes share. */
  watch(name) {
    const read = () => ({
      text: String(this.widget(name)?.value ?? ""),
      count: this.widget("num_speakers") ? Number(this.widget("num_speakers").value) : null,
    });
    const faults = new ScriptFaults(read, (answer) => this.showChecked(answer));
    const timer = setInterval(() => faults.askSoon(), LOOK_MS);
    const removed = this.node.onRemoved;
    this.node.onRemoved = function (...rest) {
      clearInterval(timer);
      return removed?.apply(this, rest);
    };
  }

  showChecked(answer) {
    if (answer.fault) return this.showFault(answer.fault);
    this.showFault(null);
    this.view.setState(`${answer.count} ${say("lines")} · ${answer.speakers.join(", ")}`);
    this.dropSeedsBeyond(answer.count);
  }

  /** A fault of the script, from the check or from a run: its sentence on the node, its place in the text. */
  showFault(fault) {
    this.fault = fault;
    if (fault) this.view.setState(fault.message, true);
    const box = this.textBox();
    if (box) underline(box, fault);
  }

  textBox() {
    const name = SCRIPT_BOXES[this.kind];
    return name ? findTextBox(this.node, this.widget(name)) : null;
  }

  jump() {
    const box = this.textBox();
    if (box) jumpTo(box, this.fault);
  }

  begin() {
    if (!this.speaks) return;
    this.view.beginRun();
    this.showFault(null);
    this.view.setState("");
  }

  addTake(take) {
    this.view.addTake(take);
    this.view.setState(`${this.view.takes.size}/${take.count} ${say("lines")}`);
  }

  placeCues({ cues, seconds }) {
    this.view.placeCues(cues);
    this.view.setState(`${cues.length} ${say("lines")} · ${seconds.toFixed(1)} s`);
  }

  firstLine() {
    return Math.min(...this.view.takes.keys());
  }

  /** Play a line, and with `on` those behind it; while something plays, stop it. */
  playFrom(line, on) {
    const playing = this.sound !== null;
    this.stop();
    if (playing) return;
    const take = this.view.takes.get(line);
    if (!take?.audio) return;
    const place = new URLSearchParams({ ...take.audio, rand: `${take.seed}-${take.seconds}` });
    this.sound = new Audio(api.apiURL(`/view?${place}`));
    this.view.choose(line);
    this.view.setPlaying(line);
    this.sound.addEventListener("ended", () => {
      this.stop();
      const next = [...this.view.takes.keys()].filter((other) => other > line).sort((one, other) => one - other)[0];
      if (on && next !== undefined) this.playFrom(next, true);
    });
    this.sound.play().catch(() => this.stop());
  }

  stop() {
    this.sound?.pause();
    this.sound = null;
    this.view.setPlaying(null);
  }

  reroll(line) {
    this.changeSeeds((seeds) => seeds.set(line, drawSeed()));
    this.view.markStale(line);
  }

  pin(line) {
    const take = this.view.takes.get(line);
    this.changeSeeds((seeds) => (seeds.has(line) ? seeds.delete(line) : seeds.set(line, take.seed)));
  }

  dropSeedsBeyond(count) {
    const seeds = readLineSeeds(this.widget("line_seeds")?.value);
    const beyond = [...seeds.keys()].filter((line) => line > count);
    if (beyond.length > 0) this.changeSeeds((kept) => beyond.forEach((line) => kept.delete(line)));
  }

  changeSeeds(change) {
    const widget = this.widget("line_seeds");
    if (!widget) return;
    const seeds = readLineSeeds(widget.value);
    change(seeds);
    widget.value = writeLineSeeds(seeds);
    widget.callback?.(widget.value);
    this.showPinned();
    app.graph.setDirtyCanvas(true, true);
  }

  showPinned() {
    this.view.showPinned(readLineSeeds(this.widget("line_seeds")?.value).keys());
  }
}

const timelines = new WeakMap();

function timelineOf(id) {
  const node = app.graph?.getNodeById(Number(id)) ?? app.graph?.getNodeById(id);
  return node ? timelines.get(node) : undefined;
}

app.registerExtension({
  name: "IndexTTS2.Timeline",
  setup() {
    api.addEventListener("execution_start", () => {
      for (const node of app.graph?._nodes ?? []) timelines.get(node)?.begin();
    });
    api.addEventListener("indextts2.take", ({ detail }) => timelineOf(detail.node)?.addTake(detail));
    api.addEventListener("indextts2.timeline", ({ detail }) => timelineOf(detail.node)?.placeCues(detail));
    api.addEventListener("execution_error", ({ detail }) => {
      const message = String(detail.exception_message ?? "").trim();
      const place = message.match(PLACE);
      const fault = { message, line: Number(place?.[1] ?? 0), column: Number(place?.[2] ?? 1) };
      timelineOf(detail.node_id)?.showFault(fault);
    });
  },
  nodeCreated(node) {
    const kind = node.comfyClass ?? node.constructor?.comfyClass;
    if (kind in SCRIPT_BOXES) timelines.set(node, new NodeTimeline(node, kind));
  },
});
