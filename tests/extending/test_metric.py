"""A new metric is one definition, one field and one computation."""

from pathlib import Path

from tests.extending.recipes import PackageCopy, recipe
from tests.render.factories import an_mp4

MEASURE = """
from pathlib import Path
from pixverse_nb.metrics.definitions import METRICS, Measurement
from pixverse_nb.metrics.measure import measure_video

measured = measure_video(Path("video.mp4"))
restored = Measurement.from_json(measured.to_json())
print("bitrate_kbps" in [metric.name for metric in METRICS], restored.as_dict()["bitrate_kbps"])
"""


def test_a_metric_is_measured_and_stored(tmp_path: Path) -> None:
    """After the recipe the metric is in the table, is measured, and survives the way to the ledger and back."""
    copy = PackageCopy(tmp_path)
    (definitions, entry), (_, field), (measure, computation) = recipe("## A metric")
    copy.insert(definitions, entry, before='    Metric("duration_s"')
    copy.insert(definitions, field, before="    cuts: int", after="class Measurement")
    copy.insert(measure, computation, before="        cuts=len(", after="return Measurement(")
    copy.replace(definitions, "VERSION: Final = 1 ", "VERSION: Final = 2 ")
    video = an_mp4(tmp_path / "video.mp4")  # 12 frames at 24 frames a second
    is_listed, value = copy.run(MEASURE).split()
    assert (is_listed, float(value)) == ("True", video.stat().st_size * 8 / 1000 / 0.5)
