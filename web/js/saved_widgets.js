/**
 * What the values of a saved node mean. Files store them by position, and positions have changed; the names that stand
 * beside them in newer files do not always agree with them, only the newest say which value is whose. For the others
 * every order that could be meant is tried, and the one in which most values are of their widget's kind is taken. A
 * value that is not is left out and named.
 */
import { NEVER_MEANT, SAVED_LAYOUTS } from "./saved_layouts.js";

const SEED_CONTROLS = ["fixed", "increment", "increment-wrap", "decrement", "randomize"];

/**
 * @param {string} node the node's id
 * @param {string[]} widgets today's widgets, in order
 * @param {Object<string, Array>} kinds by widget: its type and options, as the server describes inputs
 * @param {{widgets_values: Array, inputs: Array}} info the saved node
 * @returns {{values: Object<string, any>, misfits: Array<{name: string, value: any}>}} what the file says
 */
export function readSavedWidgets(node, widgets, kinds, info) {
  const saved = info.widgets_values ?? [];
  const named = info.widgets_values_named;
  if (named) return readInOrder(Object.keys(named), kinds, Object.values(named));
  const readings = possibleOrders(node, widgets, info).map((order) => readInOrder(order, kinds, saved));
  const fewest = Math.min(...readings.map((reading) => reading.misfits.length));
  return readings.find((reading) => reading.misfits.length === fewest);
}

/** Orders that have a place for each saved value; where two fit equally well the first is meant. */
function possibleOrders(node, widgets, info) {
  const count = info.widgets_values?.length ?? 0;
  const stored = withSeedControl((info.inputs ?? []).map((input) => input.widget?.name).filter(Boolean), widgets);
  const known = SAVED_LAYOUTS[node] ?? [];
  const full = [stored, widgets, ...known].filter((order) => order.length === count);
  return [...full, widgets.slice(0, count)];
}

/** The page puts a widget behind a seed that is no input of the node. */
function withSeedControl(names, widgets) {
  const control = widgets[widgets.indexOf("seed") + 1];
  return names.flatMap((name) => (name === "seed" ? [name, control] : [name]));
}

function readInOrder(order, kinds, saved) {
  const values = {};
  const misfits = [];
  saved.forEach((value, place) => {
    const entry = order[place];
    if (entry === undefined) return misfits.push({ name: "?", value });
    if (entry.skipped) {
      if (entry.skipped !== "any" && typeof value !== entry.skipped) misfits.push({ name: "?", value });
      return;
    }
    const names = [entry].flat();
    const taker = names.find((name) => fits(name, kinds[name], value));
    if (taker === undefined) misfits.push({ name: names[0], value });
    else values[taker] = typeof value === "string" && isNumber(kinds[taker]) ? Number(value) : value;
  });
  return { values, misfits };
}

/** Whether a widget of this kind can hold the value. The one without a kind is the seed's control. */
function fits(name, kind, value) {
  if (kind === undefined) return SEED_CONTROLS.includes(value);
  const [type, options = {}] = kind;
  if (NEVER_MEANT[name]?.test(value)) return false;
  const choices = Array.isArray(type) ? type : options.options;
  if (choices) return choices.includes(value);
  if (type === "BOOLEAN") return typeof value === "boolean";
  if (type === "STRING") return typeof value === "string";
  return isNumber(kind) ? inRange(value, options, type === "INT") : true;
}

function isNumber(kind) {
  return kind !== undefined && (kind[0] === "FLOAT" || kind[0] === "INT");
}

function inRange(value, { min = -Infinity, max = Infinity }, whole) {
  const written = typeof value === "string" && value.trim() !== "";
  const number = written ? Number(value) : value;
  return typeof number === "number" && number >= min && number <= max && (!whole || Number.isInteger(number));
}
