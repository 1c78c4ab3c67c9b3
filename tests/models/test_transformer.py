"""Any transformers encoder or decoder is a teacher or a student, or is refused with one line before it is trained."""

import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast

from pipeline.errors import GraftError
from pipeline.models.encoder import load_pretrained_encoder
from pipeline.models.masked import new_masked_model
from pipeline.models.registry import configure, student
from pipeline.models.transformer import text_encoder, usable_positions
from pipeline.tokens.encoding import load_tokenizer
from tests.conftest import build_tokenizer
from tests.families import DECODERS, ENCODER_DECODERS, FAMILIES, REFUSED, write_checkpoint

LABELS = ["bad", "good"]
IDS = torch.tensor([[2, 5, 6, 7, 8, 9], [2, 10, 11, 0, 0, 0]])
MASK = (IDS != 0).long()


def sizes(family: str) -> dict:
    return {"model_type": family, **FAMILIES[family]}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_checkpoint_becomes_a_teacher_with_its_weights(family: str, tmp_path: Path) -> None:
    write_checkpoint(family, tmp_path)
    tokenizer = load_tokenizer(tmp_path)
    tokenizer.model_max_length = 24
    teacher = load_pretrained_encoder(tmp_path, LABELS, tokenizer).eval()
    loaded = text_encoder(AutoModel.from_pretrained(tmp_path)).eval()
    states = loaded(input_ids=IDS, attention_mask=MASK).last_hidden_state
    outputs = teacher(IDS, MASK)
    torch.testing.assert_close(outputs.tokens, states)
    torch.testing.assert_close(outputs.pooled[1], states[1, :3].mean(0))
    assert outputs.pooled.shape[1] == teacher.classifier.in_features
    torch.testing.assert_close(teacher(IDS[1:, :3], MASK[1:, :3]).logits, outputs.logits[1:], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_student_says_nothing_of_ids_beyond_its_vocabulary(
    family: str, tokenizer: PreTrainedTokenizerFast, capfd: pytest.CaptureFixture
) -> None:
    before = torch.get_rng_state()
    built = student("encoder", sizes(family), tokenizer, LABELS)
    own = {key: value for key, value in built.config.encoder.items() if key.endswith("_token_id")}
    assert all(value is None or value < len(tokenizer) for value in own.values())
    assert own["pad_token_id"] == tokenizer.pad_token_id
    for key, token in (("cls", 2), ("sep", 3), ("bos", 2), ("eos", 3)):
        if family in ("modernbert", "roberta", "gpt2") and f"{key}_token_id" in own:
            assert own[f"{key}_token_id"] == token
    assert built.training
    assert "_token_id" not in capfd.readouterr().err
    # What is tried when it is built draws no random number: a student starts as it did before anything was tried.
    after = torch.get_rng_state()
    torch.set_rng_state(before)
    AutoModel.from_config(configure("encoder", sizes(family), len(tokenizer), 0, tokenizer).encoder_config())
    torch.nn.Linear(built.classifier.in_features, 2)
    torch.nn.init.normal_(torch.empty(2, built.classifier.in_features))
    assert torch.equal(after, torch.get_rng_state())


def test_a_bert_student_is_configured_as_ever(tokenizer: PreTrainedTokenizerFast) -> None:
    own = student("encoder", sizes("bert"), tokenizer, LABELS).config.encoder
    expected = AutoConfig.for_model("bert", vocab_size=len(tokenizer), pad_token_id=0, **FAMILIES["bert"])
    assert own == {**expected.to_diff_dict(), "model_type": "bert"}


def test_so_does_a_model_to_pretrain(tokenizer: PreTrainedTokenizerFast, capfd: pytest.CaptureFixture) -> None:
    model = new_masked_model(sizes("modernbert"), tokenizer, 24)
    assert (model.config.cls_token_id, model.config.sep_token_id) == (2, 3)
    assert "_token_id" not in capfd.readouterr().err


@pytest.mark.parametrize("family", REFUSED)
def test_what_cannot_be_a_student_is_refused_when_it_is_built(family: str, tokenizer: PreTrainedTokenizerFast) -> None:
    settings, reason = REFUSED[family]
    with pytest.raises(GraftError, match=reason) as caught:
        student("encoder", {"model_type": family, **settings}, tokenizer, LABELS)
    assert "\n" not in str(caught.value)


def test_nor_can_it_be_a_teacher(tmp_path: Path) -> None:
    tokenizer = build_tokenizer()
    settings, reason = REFUSED["convbert"]
    AutoModel.from_config(AutoConfig.for_model("convbert", vocab_size=32, **settings)).save_pretrained(tmp_path)
    with pytest.raises(GraftError, match=reason):
        load_pretrained_encoder(tmp_path, LABELS, tokenizer)
    shutil.rmtree(tmp_path)
    settings, reason = REFUSED["vit"]
    vision = AutoConfig.for_model("vit", hidden_size=32, num_hidden_layers=1, num_attention_heads=2, image_size=32)
    AutoModel.from_config(vision).save_pretrained(tmp_path)
    with pytest.raises(GraftError, match=reason):
        load_pretrained_encoder(tmp_path, LABELS, tokenizer)


@pytest.mark.parametrize(
    ("family", "positions"),
    [("bert", 64), ("roberta", 62), ("xlm-roberta", 62), ("mpnet", 62), ("gpt2", 64), ("opt", 64), ("t5", None)],
)
def test_a_text_has_as_many_tokens_as_there_are_positions_to_use(
    family: str, positions: int | None, tmp_path: Path
) -> None:
    model = AutoModel.from_config(AutoConfig.for_model(family, vocab_size=32, pad_token_id=1, **FAMILIES[family]))
    assert usable_positions(text_encoder(model), model.config) == positions
    longest = positions or 100
    ids = torch.full((1, longest), 5)
    with torch.inference_mode():
        text_encoder(model.eval())(input_ids=ids, attention_mask=ids > 0)
        more = torch.full((1, longest + 1), 5)
        if positions is not None:
            with pytest.raises((IndexError, RuntimeError)):
                text_encoder(model)(input_ids=more, attention_mask=more > 0)


@pytest.mark.parametrize("family", ["roberta", "gpt2"])
def test_a_longer_text_is_refused_of_teacher_and_student(family: str, tmp_path: Path) -> None:
    write_checkpoint(family, tmp_path)
    tokenizer = load_tokenizer(tmp_path)
    tokenizer.model_max_length = 65
    with pytest.raises(GraftError, match=r"max_length 65 is more than the 6\d positions of .*test_a_longer"):
        load_pretrained_encoder(tmp_path, LABELS, tokenizer)
    with pytest.raises(GraftError, match=r"max_length 65 is more than the 6\d positions of architecture encoder"):
        student("encoder", sizes(family), tokenizer, LABELS)


def test_padding_is_a_token_that_the_tokenizer_has(tmp_path: Path) -> None:
    write_checkpoint("gpt2", tmp_path)
    assert AutoConfig.from_pretrained(tmp_path).pad_token_id is None
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.pad_token == tokenizer.eos_token == "<end>"
    tokenizer.save_pretrained(tmp_path / "saved")
    assert load_tokenizer(tmp_path / "saved").pad_token_id == tokenizer.pad_token_id


def test_of_an_encoder_decoder_the_encoder_alone_is_kept(tokenizer: PreTrainedTokenizerFast) -> None:
    for family in ENCODER_DECODERS:
        names = [name for name, _ in student("encoder", sizes(family), tokenizer, LABELS).named_parameters()]
        assert not [name for name in names if "decoder" in name or "lm_head" in name]
    for family in DECODERS:
        assert not student("encoder", sizes(family), tokenizer, LABELS).encoder.config.use_cache
