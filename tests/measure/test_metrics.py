"""The table of metrics: whole, in sentences, and one with the values that it explains."""

import dataclasses
import json

import pytest

from pixverse_nb.measure.metrics import DIVERSITY, METRICS, VERSION, Measurement

ONE = Measurement(
    first_psnr_db=33.123456789012345,
    first_ssim=0.97,
    first_best_psnr_db=34.0,
    first_offset=2,
    last_psnr_db=None,
    last_ssim=None,
    last_best_psnr_db=None,
    last_offset=None,
    flicker_levels=0.1,
    motion_percent=1.5,
    frozen_share=0.0,
    cuts=1,
    duration_s=5.04,
    frames=121,
    fps=24.0,
    width=960,
    height=540,
    cut_frames=(60,),
    fingerprint=bytes(range(256)) * 32,
)


def test_every_number_is_explained() -> None:
    """The table holds every number of a measurement, in its order, and nothing else."""
    fields = [field.name for field in dataclasses.fields(Measurement)]
    assert [metric.name for metric in METRICS] == [name for name in fields if name not in ("cut_frames", "fingerprint")]
    assert list(ONE.as_dict().items()) == [(metric.name, getattr(ONE, metric.name)) for metric in METRICS]


@pytest.mark.parametrize("metric", [*METRICS, DIVERSITY], ids=lambda metric: metric.name)
def test_every_metric_says_what_it_is(metric: object) -> None:
    """Each has a label, one whole sentence, a source, and a range that is one."""
    assert isinstance(metric, type(DIVERSITY))
    assert metric.label[:1].isupper()
    assert metric.meaning[:1].isupper()
    assert metric.meaning.endswith(".")
    assert metric.source
    assert metric.most is None or metric.least < metric.most


def test_labels_and_names_are_single() -> None:
    """No two metrics share a name or a label, so both can head a column."""
    every = [*METRICS, DIVERSITY]
    assert len({metric.name for metric in every}) == len({metric.label for metric in every}) == len(every)


def test_json_and_back() -> None:
    """What is written as JSON comes back the very same, to the last bit."""
    assert Measurement.from_json(ONE.to_json()) == ONE


def test_other_definitions_are_not_taken() -> None:
    """A measurement of another version, or a damaged one, is a ValueError that says what to do."""
    whole = json.loads(ONE.to_json())
    other = {**whole, "version": VERSION + 1}
    short = {name: value for name, value in whole.items() if name != "cuts"}
    torn = {**whole, "fingerprint": "*"}
    for text in map(json.dumps, (other, short, torn, [], None)):
        with pytest.raises(ValueError, match="measure the film again"):
            Measurement.from_json(text)
    with pytest.raises(ValueError, match="Expecting"):
        Measurement.from_json("{")


def test_the_fingerprint_is_not_shown() -> None:
    """The repr of a measurement is numbers, not eight thousand bytes."""
    assert len(repr(ONE)) < 600
