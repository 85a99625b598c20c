/** The text of a node's `line_seeds` input: pairs of a line's number and its seed, such as "3:42 7:1". */

/** @returns {Map<number, string>} seeds by line; seeds are text, for they have more digits than numbers here */
export function readLineSeeds(text) {
  const pairs = String(text ?? "").matchAll(/(\d+):(\d+)/g);
  return new Map(Array.from(pairs, ([, line, seed]) => [Number(line), seed]));
}

export function writeLineSeeds(seeds) {
  const lines = [...seeds.keys()].sort((one, other) => one - other);
  return lines.map((line) => `${line}:${seeds.get(line)}`).join(" ");
}

/** A seed that nobody chose. */
export function drawSeed() {
  return String(Math.floor(Math.random() * 2 ** 48));
}
