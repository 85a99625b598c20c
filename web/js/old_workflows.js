/** Workflows that people saved with older packs load with the values they meant; what is not understood is said. */
import { app } from "../../../scripts/app.js";
import { readSavedWidgets } from "./saved_widgets.js";
import { say } from "./words.js";

const OURS = /^IndexTTS2_/;
const LONGEST_SHOWN = 40;

app.registerExtension({
  name: "IndexTTS2.OldWorkflows",
  beforeRegisterNodeDef(nodeType, nodeData) {
    if (!OURS.test(nodeData.name)) return;
    const kinds = { ...nodeData.input?.required, ...nodeData.input?.optional };
    const configure = nodeType.prototype.configure;
    nodeType.prototype.configure = function (info) {
      const widgets = (this.widgets ?? []).filter((widget) => widget.serialize !== false);
      if (!Array.isArray(info.widgets_values) || widgets.length === 0) return configure.call(this, info);
      const names = widgets.map((widget) => widget.name);
      const { values, misfits } = readSavedWidgets(nodeData.name, names, kinds, info);
      const widgets_values = widgets.map((widget) => values[widget.name] ?? widget.value);
      const answer = configure.call(this, { ...info, widgets_values });
      if (misfits.length > 0) showMisfits(this, misfits);
      return answer;
    };
  },
});

/** A line on the node and one message: which saved values were left out. Neither is saved or queued. */
function showMisfits(node, misfits) {
  const listed = misfits.map(({ name, value }) => `${name}: ${shorten(JSON.stringify(value))}`).join(", ");
  const text = `${say("not_understood")} ${listed}`;
  const line = node.addWidget("text", say("saved_with_older_pack"), text, () => {}, { serialize: false });
  line.serialize = false;
  line.disabled = true;
  app.extensionManager?.toast?.add({ severity: "warn", summary: node.title, detail: text, life: 15000 });
}

function shorten(text = "") {
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}
