/** What the pack's scripts say, in the language of the page. */
import { app } from "../../../scripts/app.js";

const WORDS = {
  en: {
    saved_with_older_pack: "older file",
    not_understood: "Saved by another version and not understood, so the defaults stand:",
    nothing_spoken: "Queue to hear the lines here.",
    lines: "lines",
    line: "Line",
    play: "Play",
    stop: "Stop",
    play_all: "Play all",
    reroll: "Say this line anew with the next queue",
    pin: "Keep this take's seed",
    unpin: "Let the seed go",
    changed: "changed, queue again",
  },
  zh: {
    saved_with_older_pack: "旧文件",
    not_understood: "由其他版本保存，无法理解，已使用默认值：",
    nothing_spoken: "运行后可在这里逐句试听。",
    lines: "句",
    line: "第",
    play: "播放",
    stop: "停止",
    play_all: "全部播放",
    reroll: "下次运行时重说这一句",
    pin: "固定这一句的种子",
    unpin: "取消固定",
    changed: "已更改，请再次运行",
  },
};

/** The words for `key`; English where the page's language has none. */
export function say(key) {
  const locale = app.ui?.settings?.getSettingValue?.("Comfy.Locale") ?? "en";
  return (locale.startsWith("zh") ? WORDS.zh : WORDS.en)[key];
}
