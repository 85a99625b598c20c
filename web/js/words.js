/** What the pack's scripts say, in the language of the page. */
import { app } from "../../../scripts/app.js";

const WORDS = {
  en: {
    saved_with_older_pack: "older file",
    not_understood: "Saved by another version and not understood, so the defaults stand:",
  },
  zh: {
    saved_with_older_pack: "旧文件",
    not_understood: "由其他版本保存，无法理解，已使用默认值：",
  },
};

/** The words for `key`; English where the page's language has none. */
export function say(key) {
  const locale = app.ui?.settings?.getSettingValue?.("Comfy.Locale") ?? "en";
  return (locale.startsWith("zh") ? WORDS.zh : WORDS.en)[key];
}
