"""No file of a golden folder is left uncompared: each has a test, and none is skipped where its file is there."""

import ast
from pathlib import Path

TESTS = {
    "2.0": {
        "audio": ["test_audio"],
        "bigvgan": ["test_vocoder"],
        "campplus": ["test_campplus"],
        "gpt": ["test_gpt", "test_accel", "test_voice_encoder"],
        "s2mel": ["test_s2mel"],
        "semantic_codec": ["test_semantic_codec"],
    },
    "2.5": {
        "bigvgan": ["test_vocoder"],
        "campplus": ["test_campplus"],
        "codec": ["test_codec"],
        "emotion": ["test_emotion_table"],
        "gpt": ["test_gpt", "test_accel", "test_voice_encoder"],
        "line": ["test_line"],
        "s2mel": ["test_s2mel"],
    },
}
"""Stage of each version -> the modules here that compare it."""


def test_every_stage_is_compared(goldens):
    there = {file.stem for file in goldens.folder.glob("*.npz")}
    assert there
    assert there <= TESTS[goldens.version].keys(), "a figure that nobody compares"
    for stage in there:
        for name in TESTS[goldens.version][stage]:
            source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
            versions = _versions_of(source)
            assert versions is None or goldens.version in versions, f"{name} is not for {goldens.version}"
            assert f'npz("{stage}")' in source, f"{name} does not read {stage}.npz"


def _versions_of(source: str) -> tuple[str, ...] | None:
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "VERSIONS":
            return ast.literal_eval(node.value)
    return None
