"""Dense weights move as AdamW moves them, an embedding's rows as Adam does, the rows of the batch alone."""

import torch
from torch import nn

from pipeline.training.optimizer import build_optimizer, sparse_parameters


def model(sparse: bool) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Embedding(20, 4, sparse=sparse), nn.Linear(4, 2))


def steps(net: nn.Module, optimizer: torch.optim.Optimizer, rounds: int, ids: list[int]) -> None:
    for _ in range(rounds):
        net(torch.tensor(ids)).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()


def test_as_adamw_without_momentum_where_every_row_is_in_every_batch() -> None:
    net, rival = model(sparse=True), model(sparse=False)
    steps(net, build_optimizer(net, {"1.weight"}, 0.01, 0.1), 5, list(range(20)))
    groups = [
        {"params": [rival[1].weight], "weight_decay": 0.1},
        {"params": [rival[1].bias], "weight_decay": 0.0},
        {"params": [rival[0].weight], "weight_decay": 0.0, "betas": (0.0, 0.999)},
    ]
    steps(rival, torch.optim.AdamW(groups, lr=0.01), 5, list(range(20)))
    for one, other in zip(net.parameters(), rival.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_a_rare_row_moves_as_far_as_dense_adam_takes_it() -> None:
    moves = []
    for sparse in (True, False):
        # The linear layer is there because an optimiser wants dense weights, too.
        net = nn.Sequential(nn.Embedding(20, 4, sparse=sparse), nn.Linear(4, 1, bias=False))
        nn.init.ones_(net[0].weight)
        optimizer = build_optimizer(net, set(), 0.001, 0.0)
        for step in range(200):
            # Row 3 is read once, row 7 every time; dense Adam moves row 3 on long after.
            net(torch.tensor([3, 7] if step == 100 else [7])).sum().backward()
            optimizer.step()
            optimizer.zero_grad()
        moves.append(float((1 - net[0].weight.detach()[3]).abs().mean()))
    assert 0.8 < moves[0] / moves[1] < 1.25


def test_rows_outside_the_batch_stay_as_they_are() -> None:
    net = model(sparse=True)
    before = net[0].weight.detach().clone()
    steps(net, build_optimizer(net, set(), 0.01, 0.1), 3, [3, 7])
    moved = (net[0].weight != before).any(1).nonzero().flatten().tolist()
    assert moved == [3, 7]
    assert [id(each) for each in sparse_parameters(net)] == [id(net[0].weight)]


def test_a_scheduler_sets_the_rate_of_both_parts() -> None:
    net = model(sparse=True)
    optimizer = build_optimizer(net, {"1.weight"}, 0.01, 0.1)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.0)
    before = [each.detach().clone() for each in net.parameters()]
    steps(net, optimizer, 2, [1, 2])
    assert scheduler.get_last_lr() == [0.0] * 3
    assert all(torch.equal(one, other) for one, other in zip(before, net.parameters(), strict=True))


def test_a_state_taken_back_goes_on_as_if_never_stopped() -> None:
    whole = model(sparse=True)
    steps(whole, build_optimizer(whole, {"1.weight"}, 0.01, 0.1), 6, [1, 2, 5])
    halved = model(sparse=True)
    first = build_optimizer(halved, {"1.weight"}, 0.01, 0.1)
    steps(halved, first, 3, [1, 2, 5])
    second = build_optimizer(halved, {"1.weight"}, 0.5, 0.1)
    second.load_state_dict(first.state_dict())
    steps(halved, second, 3, [1, 2, 5])
    for one, other in zip(whole.parameters(), halved.parameters(), strict=True):
        assert torch.equal(one, other)
