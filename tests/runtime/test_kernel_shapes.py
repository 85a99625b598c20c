"""Where a kernel's shape comes from: this card's table, a measured card's, the rule; what is wrong with a table costs
one line in the log and nothing else."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

pytest.importorskip("triton")
from indextts2_multitalk.runtime import kernel_shapes, shape_tables
from indextts2_multitalk.runtime.card import INTERPRETED, Card, card_of
from indextts2_multitalk.runtime.kernel_shapes import KernelFamily, forget_tables, try_shapes
from indextts2_multitalk.runtime.shape_tables import save_tuned, tuned_path

CPU = torch.device("cpu")
HERE = Card("A card", (8, 9), 40, 101376, 5e11)


@dataclass(frozen=True)
class Tile:
    rows: int
    warps: int


class Matrix(NamedTuple):
    inputs: int
    half: bool


FAMILY = KernelFamily(
    "product",
    lambda size, card: Tile(16, 4),
    lambda size, card: [Tile(rows, warps) for rows in (16, 32, 64) for warps in (4, 8)],
    lambda shape, size, card: shape.rows * size.inputs * 2 <= card.smem_bytes,
)
SIZE = Matrix(1280, True)


@pytest.fixture(autouse=True)
def a_card(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("INDEXTTS2_CACHE", str(tmp_path))
    monkeypatch.setattr(kernel_shapes, "card_of", lambda device: HERE)
    monkeypatch.setattr(shape_tables, "SHIPPED", tmp_path / "measured.json")
    write_measured(Tile(32, 4), gpus=["another card"])
    forget_tables()
    yield
    forget_tables()


def table_of(shape: Tile) -> dict:
    return {"product": {"inputs=1280 half=True": vars(shape)}}


def write_measured(shape: Tile, gpus: list[str]) -> None:
    shape_tables.SHIPPED.write_text(json.dumps([{"gpus": gpus, "shapes": table_of(shape)}]))
    forget_tables()


def write_tuned(**changes: object) -> None:
    save_tuned(HERE, table_of(Tile(32, 8)))
    path = tuned_path(HERE)
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    forget_tables()


def test_a_card_that_nobody_measured_takes_the_rule():
    assert FAMILY.choose(SIZE, CPU) == Tile(16, 4)


def test_a_measured_card_takes_its_table():
    write_measured(Tile(32, 4), gpus=["A card"])
    assert FAMILY.choose(SIZE, CPU) == Tile(32, 4)
    assert FAMILY.choose(Matrix(64, True), CPU) == Tile(16, 4)


def test_what_was_tuned_here_comes_first():
    write_measured(Tile(32, 4), gpus=["A card"])
    write_tuned()
    assert FAMILY.choose(SIZE, CPU) == Tile(32, 8)


@pytest.mark.parametrize(
    "changes",
    [
        {"gpu": "Another card"},
        {"triton": "1.0"},
        {"shapes": None},
        {"shapes": {"product": 3}},
        {"shapes": {"product": {"inputs=1280 half=True": [1]}}},
        {"shapes": {"product": {"inputs=1280 half=True": {"rows": "16"}}}},
    ],
)
def test_a_table_that_is_not_this_cards_is_ignored_with_one_line(caplog, changes):
    write_tuned(**changes)
    for _ in range(3):
        assert FAMILY.choose(SIZE, CPU) == Tile(16, 4)
        assert FAMILY.choose(Matrix(64, True), CPU) == Tile(16, 4)
    assert len(caplog.records) == 1
    assert "indextts2 tune" in caplog.text


def test_half_a_table_is_ignored(caplog):
    write_tuned()
    path = tuned_path(HERE)
    path.write_bytes(path.read_bytes()[:-20])
    forget_tables()
    assert FAMILY.choose(SIZE, CPU) == Tile(16, 4)
    assert len(caplog.records) == 1


@pytest.mark.parametrize("fields", [{"rows": 17, "warps": 4}, {"rows": 64, "warps": 4}, {"rows": 16}])
def test_a_shape_that_cannot_run_here_is_ignored(caplog, fields):
    write_tuned(shapes={"product": {"inputs=1280 half=True": fields}})
    for _ in range(3):
        assert FAMILY.choose(SIZE, CPU) == Tile(16, 4)
    assert len(caplog.records) == 1


def test_an_interrupted_writer_leaves_the_table_as_it_was(monkeypatch):
    write_tuned()
    before = tuned_path(HERE).read_bytes()

    def break_off(self: Path, data: bytes) -> None:
        with self.open("wb") as file:
            file.write(data[:10])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", break_off)
    with pytest.raises(KeyboardInterrupt):
        save_tuned(HERE, table_of(Tile(16, 8)))
    assert tuned_path(HERE).read_bytes() == before
    assert list(tuned_path(HERE).parent.iterdir()) == [tuned_path(HERE)]


def test_a_table_keeps_what_was_tuned_for_another_model():
    write_tuned()
    save_tuned(HERE, {"product": {"inputs=64 half=True": vars(Tile(16, 8))}})
    forget_tables()
    assert FAMILY.choose(SIZE, CPU) == Tile(32, 8)
    assert FAMILY.choose(Matrix(64, True), CPU) == Tile(16, 8)


def test_shapes_are_tried_in_one_context_alone():
    with try_shapes({(FAMILY, SIZE): Tile(64, 8)}) as trial:
        assert FAMILY.choose(SIZE, CPU) == Tile(64, 8)
        assert FAMILY.choose(Matrix(64, True), CPU) == Tile(16, 4)
    assert FAMILY.choose(SIZE, CPU) == Tile(16, 4)
    assert trial.asked == {(FAMILY, SIZE): Tile(64, 8), (FAMILY, Matrix(64, True)): Tile(16, 4)}


def test_a_familys_shapes_begin_with_the_rules_and_fit_the_card():
    assert FAMILY.list_shapes(SIZE, HERE) == [Tile(16, 4), Tile(16, 8), Tile(32, 4), Tile(32, 8)]


def test_a_cpu_is_the_interpreters_card():
    assert card_of(CPU) == INTERPRETED


def test_the_tables_that_come_with_the_pack_can_be_read():
    for table in json.loads(Path(shape_tables.__file__).with_name("measured_shapes.json").read_text()):
        assert set(table) == {"gpus", "shapes"}
