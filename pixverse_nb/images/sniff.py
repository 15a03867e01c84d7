"""Why some bytes are no usable picture, said in words, from their first bytes alone."""

from typing import Final

_PICTURES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF8", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"BM", "BMP"),
)
_HEIC_BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_AVIF_BRANDS: Final = (b"avif", b"avis")
_EXPORT: Final = "export it as JPEG or PNG"


def unreadable_reason(data: bytes) -> str:
    """Return one sentence that says what `data` is instead of a readable picture, and the mend.

    The sentence never repeats any of the bytes.
    """
    head = data[:1024]
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for magic, name in _PICTURES:
        if head.startswith(magic):
            return f"the {name} file is cut short or damaged; copy or download it again"
    if head[:4] == b"RIFF":
        return _riff_reason(head)
    if head[4:8] == b"ftyp":
        return _ftyp_reason(head[8:12])
    if head.startswith((b"\x1a\x45\xdf\xa3", b"\x00\x00\x01\xba", b"FLV\x01")):
        return _video()
    if head.startswith(b"%PDF"):
        return f"this is a PDF, not a picture; {_EXPORT}"
    if head.startswith(b"8BPS"):
        return f"this is a Photoshop document; {_EXPORT}"
    if head.startswith(b"PK\x03\x04"):
        return "this is a zip archive, not a picture; take the picture out of it first"
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "this is a web page, not a picture; give the address or the file of the picture itself"
    if b"<svg" in text:
        return "this is an SVG drawing, which has no pixels; export it as PNG, about 1920 pixels wide"
    if text.startswith(b"version https://git-lfs"):
        return "this is a Git LFS pointer, not the picture itself; run `git lfs pull` first"
    if _is_text(head):
        return "this is a text file, not a picture; give a JPEG, PNG, WebP, GIF or TIFF file"
    return "this is not a picture that can be read here; give a JPEG, PNG, WebP, GIF or TIFF file"


def looks_like_heic(data: bytes) -> bool:
    """Tell whether `data` begins like an iPhone's HEIC (HEIF) picture."""
    return data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS


def _riff_reason(head: bytes) -> str:
    if head[8:12] == b"WEBP":
        return "the WebP file is cut short or damaged; copy or download it again"
    return _video()


def _ftyp_reason(brand: bytes) -> str:
    if brand in _HEIC_BRANDS:
        return (
            "this is a HEIC picture (the iPhone's format) that cannot be read here; run `pip install pillow-heif` "
            "and restart the kernel, or export it as JPEG"
        )
    if brand in _AVIF_BRANDS:
        return f"this is an AVIF picture that cannot be read here; {_EXPORT}"
    return _video()


def _video() -> str:
    return "this is a video or sound file, not a picture; save one of its frames as PNG and give that"


def _is_text(head: bytes) -> bool:
    """Tell whether `head` is plain text; a character cut in two at its end does not count against it."""
    return any(_decodes(head[: len(head) - cut]) for cut in range(4) if len(head) > cut)


def _decodes(data: bytes) -> bool:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return all(sign.isprintable() or sign.isspace() for sign in text)
