"""Files of several pictures, DICOM of several frames or TIFF of several pages: which of them are taken."""

FIRST, MIDDLE, EVERY = "first", "middle", "all"


def check_frame(frame):
    """Check the choice of a frame.

    Args:
        frame: "" for none, FIRST, MIDDLE, EVERY, or a number from 0, also as text.

    Returns:
        The number as an int, the words as they are.

    Raises:
        ValueError: if it is none of these.
    """
    if frame in ("", FIRST, MIDDLE, EVERY) and isinstance(frame, str):
        return frame
    if not isinstance(frame, bool) and str(frame).isdecimal():
        return int(frame)
    raise ValueError(f"frame is {frame!r}: choose {FIRST}, {MIDDLE}, {EVERY} or a number from 0.")


def chosen_frames(count, frame):
    """List which frames of a file are taken, each as its number from 0; [None] is the only one, or no choice.

    The middle one of four is number 2.

    Args:
        count: how many it has.
        frame: as `check_frame` gives it.
    """
    if count < 2 or frame == "":
        return [None]
    if frame == EVERY:
        return list(range(count))
    return [{FIRST: 0, MIDDLE: count // 2}.get(frame, frame)]


def frames_in_words(counts, frame):
    """Say what becomes of files with several frames: sentences, or none.

    Args:
        counts: how many frames each file has.
        frame: as `check_frame` gives it.
    """
    several = sum(count > 1 for count in counts)
    files = f"{several} of {len(counts)} files {'holds' if several == 1 else 'hold'} several frames or pages"
    if not several:
        return []
    if frame == "":
        return [f"{files} and cannot be read: frame= says which one is taken."]
    if frame == EVERY:
        return [f"{files}. Each frame is an image, and those of a file are of one patient."]
    return [f"{files}. Of each one is taken: frame={frame}."]
