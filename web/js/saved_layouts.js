/**
 * The widgets of a node in the order in which people's files hold their values, where that is not today's order.
 *
 * An entry is a widget's name, a list of names of which the first that takes the value gets it, or `WORDS` and
 * `ANYTHING` for a value that no widget of today holds. Longer files than a layout do not fit it, shorter ones neither.
 */
export const WORDS = { skipped: "string" };
export const ANYTHING = { skipped: "any" };

const FEELINGS = ["happy", "angry", "sad", "fear", "hate", "low", "surprise", "neutral"];

const TALK_START = ["num_speakers", "conversation_text", "output_filename", "language", "speed", "silence_duration"];
const TALK_PAUSES = ["speaker1_pause", "speaker2_pause", "speaker3_pause", "speaker4_pause"];
const TALK_VOICE = ["voice_consistency", "reference_boost"];
const TALK_END = ["temperature", "top_p", "use_fp16", "use_cuda_kernel", "verbose"];

export const SAVED_LAYOUTS = {
  IndexTTS2_MultiTalk: [
    [...TALK_START, ...TALK_END],
    [...TALK_START, ...TALK_END, ANYTHING, ANYTHING], // 11 values, saved again by a node that had 13 widgets
    [...TALK_START, ...TALK_VOICE, ...TALK_END],
    [...TALK_START, ...TALK_PAUSES, ...TALK_VOICE, ...TALK_END],
  ],
  IndexTTS2_SpeakerEmotionConfig: [
    ["speaker_name", "emotion_mode", WORDS, "emotion_alpha", ...FEELINGS, "emotion_text", "enabled"],
    // The same, saved again by a node that had 13 widgets: the last value was cut off.
    ["speaker_name", "emotion_mode", WORDS, "emotion_alpha", ...FEELINGS, ["enabled", "emotion_text"]],
  ],
  IndexTTS2_ModelManager: [
    ["config_path", "model_dir", "device", "use_fp16", "use_cuda_kernel", ANYTHING, "verbose"],
    [
      "config_path", "model_dir", ANYTHING, "use_fp16", "use_cuda_kernel",
      "device", "cache_model", "force_reload", "memory_optimization", "verbose",
    ],
  ],
  IndexTTS2_Emotion: [
    [
      "text", "emotion_mode", "output_filename", WORDS, "emotion_alpha", ...FEELINGS,
      "emotion_text", "use_random", "use_fp16", "use_cuda_kernel", "verbose",
    ],
  ],
};

/** Values that a widget of that name takes by its type and that nobody means. */
export const NEVER_MEANT = { model_name: /\.ya?ml$/i };
