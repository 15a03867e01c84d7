"""The rows of GET /videos."""

from tests.sandbox.api_client import ApiClient


def test_row_has_the_documented_fields(api: ApiClient) -> None:
    """A row has every documented field, and frames as URLs of the media host."""
    row = api.row(api.create())
    names = (
        "video_id video_status video_status_name video_status_final account_id created_at first_frame last_frame "
        "output_width output_height original_video_id upscaled prompt model negative_prompt quality motion_mode "
        "asset_id seed likes queue_data video_duration extended lip_sync url img_id img_url duration remove_watermark "
        "nick_name avatar aspect_ratio camera_movement style template_id template_name workflow_tag "
        "customer_paths off_peak"
    )
    assert set(row) == set(names.split())
    assert "/media/upload%2F" in row["first_frame"]
    assert row["created_at"].endswith("Z")


def test_row_has_the_defaults(api: ApiClient) -> None:
    """Omitted fields take the documented defaults, and a seed is drawn."""
    row = api.row(api.create())
    assert (row["model"], row["duration"], row["quality"]) == ("v3.5", 5, "720p")
    assert (row["motion_mode"], row["aspect_ratio"], row["remove_watermark"]) == ("normal", "16:9", 1)
    assert 1 <= row["seed"] <= 2147483647


def test_reply_ref_in_rows(api: ApiClient) -> None:
    """Rows contain replyRef only if the setting says so."""
    video_id = api.create(replyRef="mine")
    assert "replyRef" not in api.row(video_id)
    api.control.settings.reply_ref_in_rows = True
    assert api.row(video_id)["replyRef"] == "mine"


def test_both_generating_numbers_occur(api: ApiClient) -> None:
    """Some jobs generate with status 9, others with 10."""
    for _ in range(3):
        api.create()
    api.control.advance(10)
    assert {row["video_status"] for row in api.rows()} == {9, 10}
