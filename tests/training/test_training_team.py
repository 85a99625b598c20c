"""Two processes train one stage: equal weights from the mean of their gradients, one log, one checkpoint."""

import multiprocessing
import os
from pathlib import Path

import torch
from helpers.waiting import HUNG_SECONDS
from indextts2_multitalk.training.corpus import load_corpus
from indextts2_multitalk.training.stage import Budget, Stage, restore, run_stage
from indextts2_multitalk.training.team import ALONE, Team
from torch import nn


class Pulled(Stage):
    """One number that every process would have elsewhere: the first at 1, the second at 3."""

    name = "pulled"

    def __init__(self, team: Team) -> None:
        torch.manual_seed(team.rank)
        super().__init__({"number": nn.Linear(1, 1, bias=False)}, torch.device("cpu"), rate=0.05, decay=0.0)
        self.team, self.wanted = team, 1.0 + 2 * team.rank

    def update(self, rng, share):
        loss = (self.modules["number"].weight - self.wanted).square().mean()
        return {"loss": loss.detach(), "norm": self.step(loss)}


def work_together(rank: int, folder: Path) -> None:
    team = Team.gathered(rank, 2, folder / "meeting")
    stage = Pulled(team)
    clock = [0.0, 1e9][rank]  # nobody but the first goes by its own clock
    done = run_stage(stage, folder, Budget(600, 300), 60.0, clock=lambda: clock)
    torch.save((stage.modules["number"].weight.detach(), done), folder / f"process_{rank}")
    team.disband()
    # The interpreter's own end is not what is tested: with the exchange's threads it aborts one time in a hundred.
    os._exit(0)


def test_two_processes_train_one_stage(tmp_path):
    context = multiprocessing.get_context("spawn")
    running = [context.Process(target=work_together, args=(rank, tmp_path)) for rank in range(2)]
    for process in running:
        process.start()
    for process in running:
        process.join(HUNG_SECONDS)
        assert process.exitcode == 0
    (first, first_done), (second, second_done) = (torch.load(tmp_path / f"process_{rank}") for rank in range(2))
    assert torch.equal(first, second)
    assert abs(first.item() - 2) < 0.05
    assert first_done and second_done
    assert len((tmp_path / "pulled.jsonl").read_text().splitlines()) == 16
    assert restore(Pulled(ALONE), tmp_path).steps == 300


def test_every_process_has_speakers_of_its_own(hums):
    whole = load_corpus(hums / "speech", torch.device("cpu"))
    shares = [load_corpus(hums / "speech", torch.device("cpu"), team=Team(rank, 2)) for rank in range(2)]
    heard = [set(share.speakers.tolist()) for share in shares]
    assert not heard[0] & heard[1]
    assert heard[0] | heard[1] == set(whole.speakers.tolist())


def test_alone_nothing_is_exchanged():
    gradient = torch.ones(3)
    ALONE.average([gradient])
    assert torch.equal(gradient, torch.ones(3)) and ALONE.agreed(0.5) == 0.5 and ALONE.leads
