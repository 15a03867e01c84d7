"""The parts of the interpolation: camera paths, camera moves and extended planes."""

import cv2
import numpy as np
import pytest

from pixverse_nb.sandbox.interpolate import (
    Margins,
    Similarity,
    draw_camera_path,
    extend_plane,
    find_camera_move,
    margins_for,
    to_nv12,
)


@pytest.mark.parametrize("motion_mode", ["normal", "fast"])
def test_camera_rests_at_both_ends(motion_mode: str) -> None:
    """A path goes from progress 0 to 1, and the camera starts and ends in the middle of the frame."""
    path = draw_camera_path(seed=5, motion_mode=motion_mode, drift=1.0)
    start, end = path.at(0.0), path.at(1.0)
    assert (start.progress, end.progress) == (0.0, 1.0)
    assert max(abs(one.turn - 1) + abs(one.shift) for one in (start, end)) < 1e-12


def test_path_without_drift_stays_in_the_middle() -> None:
    """With drift 0 the camera does not wander."""
    pose = draw_camera_path(seed=5, motion_mode="fast", drift=0.0).at(0.5)
    assert (pose.turn, pose.shift) == (1, 0)


def test_parts_of_a_move_add_up() -> None:
    """Half a move applied twice is the move, and its inverse undoes it."""
    move = Similarity(turn=1.2 + 0.3j, shift=4 - 2j)
    for one in (move.part(0.5).after(move.part(0.5)), move.part(-1).part(-1)):
        assert abs(one.turn - move.turn) + abs(one.shift - move.shift) < 1e-9
    identity = move.part(-1).after(move)
    assert abs(identity.turn - 1) + abs(identity.shift) < 1e-9


def test_camera_move_is_found() -> None:
    """The move between an image and its shifted copy is found; unrelated images have none."""
    coarse = np.random.default_rng(3).integers(0, 256, (60, 80), np.uint8)
    scene = np.asarray(cv2.resize(coarse, (320, 240), interpolation=cv2.INTER_CUBIC), np.uint8)
    move = find_camera_move(scene[:180, :240], scene[20:200, 30:270])
    assert move is not None
    assert abs(move.shift - (-30 - 20j)) < 0.5
    assert abs(move.turn - 1) < 0.01
    assert find_camera_move(scene[:180, :240], np.full((180, 240), 90, np.uint8)) is None


def test_plane_is_extended_with_the_other_image() -> None:
    """Beyond its edge a plane continues with what the other one shows there."""
    plane, other = np.full((40, 60), 50, np.uint8), np.full((40, 60), 200, np.uint8)
    to_other = np.array([[1.0, 0, 20], [0, 1, 0], [0, 0, 1]])  # the other image shows 20 pixels more on the left
    margins = margins_for(60, 40, np.linalg.inv(to_other))
    assert margins == Margins(left=20, top=0, right=0, bottom=0)
    extended = extend_plane(plane, other, to_other, margins)
    assert extended.shape == (40, 80)
    assert (extended[20, 0], extended[20, 40]) == (200, 50)


def test_white_is_neutral_and_limited() -> None:
    """White has chroma 128 and brightness 235, the maximum of the limited range."""
    planes = to_nv12(np.full((4, 6, 3), 255, np.uint8))
    assert (planes.y.shape, planes.uv.shape) == ((4, 6), (2, 3, 2))
    assert (np.unique(planes.y).tolist(), np.unique(planes.uv).tolist()) == ([235], [128])
