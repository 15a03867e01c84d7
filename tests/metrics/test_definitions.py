"""The table of metrics is complete, and measurements are stored exactly."""

import dataclasses
import json

import pytest

from pixverse_nb.metrics.definitions import DIVERSITY, METRICS, VERSION, Measurement, Metric

MEASUREMENT = Measurement(
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


def test_the_table_explains_every_number() -> None:
    """The table has every number of a measurement, in the same order, and nothing else."""
    fields = [field.name for field in dataclasses.fields(Measurement)]
    assert [metric.name for metric in METRICS] == [name for name in fields if name not in ("cut_frames", "fingerprint")]
    assert list(MEASUREMENT.as_dict().items()) == [
        (metric.name, getattr(MEASUREMENT, metric.name)) for metric in METRICS
    ]


@pytest.mark.parametrize("metric", [*METRICS, DIVERSITY], ids=lambda metric: metric.name)
def test_every_metric_is_defined_completely(metric: Metric) -> None:
    """Each metric has a label, a sentence, a source and a valid range."""
    assert metric.label[:1].isupper()
    assert metric.meaning[:1].isupper()
    assert metric.meaning.endswith(".")
    assert metric.source
    assert metric.maximum is None or metric.minimum < metric.maximum


def test_names_and_labels_are_unique() -> None:
    """No two metrics share a name or a label, so both can be column headings."""
    metrics = [*METRICS, DIVERSITY]
    assert len({metric.name for metric in metrics}) == len({metric.label for metric in metrics}) == len(metrics)


def test_json_round_trip() -> None:
    """A measurement that is written as JSON and read again is equal, to the last bit."""
    assert Measurement.from_json(MEASUREMENT.to_json()) == MEASUREMENT


def test_another_version_or_damaged_json_is_rejected() -> None:
    """A measurement of another version, or a damaged one, is a ValueError."""
    data = json.loads(MEASUREMENT.to_json())
    other_version = {**data, "version": VERSION + 1}
    missing_field = {name: value for name, value in data.items() if name != "cuts"}
    bad_fingerprint = {**data, "fingerprint": "*"}
    for text in (*map(json.dumps, (other_version, missing_field, bad_fingerprint, [], None)), "{"):
        with pytest.raises(ValueError):  # noqa: PT011 - json's own error for "{" is a ValueError too
            Measurement.from_json(text)


def test_repr_omits_the_fingerprint() -> None:
    """The repr of a measurement is numbers, not eight thousand bytes."""
    assert len(repr(MEASUREMENT)) < 600
