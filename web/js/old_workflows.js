/**
 * Workflows store a node's widgets by position. IndexTTS2_MultiTalk once had 17 of them; `use_accel` and
 * `use_torch_compile` then came in before the last one, `verbose`. Files from before get their defaults put there.
 */
import { app } from "../../../scripts/app.js";

const WIDGETS_BEFORE_ACCELERATION = 17;
const BEFORE_VERBOSE = 16;
const ACCELERATION_DEFAULTS = [true, false];

/** The widget values of a file from before acceleration in today's order; every other file's as they are. */
export function migrateMultiTalk(values) {
  if (!Array.isArray(values) || values.length !== WIDGETS_BEFORE_ACCELERATION) return values;
  return [...values.slice(0, BEFORE_VERBOSE), ...ACCELERATION_DEFAULTS, ...values.slice(BEFORE_VERBOSE)];
}

app.registerExtension({
  name: "IndexTTS2.OldWorkflows",
  beforeRegisterNodeDef(nodeType, nodeData) {
    if (nodeData.name !== "IndexTTS2_MultiTalk") return;
    const configure = nodeType.prototype.configure;
    nodeType.prototype.configure = function (info) {
      const widgets_values = migrateMultiTalk(info.widgets_values);
      return configure.call(this, { ...info, widgets_values });
    };
  },
});
