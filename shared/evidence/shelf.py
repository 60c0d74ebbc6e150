"""Pictures of rejected parts, and of a sample of passed ones, in the store for as long as the retention says.

Layout below the store's URL: `evidence/<plant>/<YYYY-MM-DD>/<sha256 of the photo's id>/{photo.*,crop.png,map.png}`. A
photo's id is the sender's and may hold anything, so it is no file name.
"""

import hashlib
import re
from datetime import date
from typing import Final, get_args

from pydantic import TypeAdapter, ValidationError

from shared.events.base import Slug
from shared.evidence.place import EvidenceName
from shared.settings.sections import StoreSettings
from shared.store.files import StoreFiles

FOLDER: Final = "evidence"
_SUFFIXES: Final = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/tiff": "tif",
    "image/bmp": "bmp",
    "image/webp": "webp",
}
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_PLANT: Final[TypeAdapter[str]] = TypeAdapter(Slug)


class EvidenceShelf:
    """Keeps and finds pictures. Thread-safe; several processes may share it.

    Args:
        settings: where the store is.

    Raises:
        StoreUnavailable: the URL's file system has no driver installed.
    """

    def __init__(self, settings: StoreSettings) -> None:
        self._files: Final = StoreFiles(settings.url)

    def put(
        self, plant: str, day: date, image: str, name: EvidenceName, data: bytes, *, mediatype: str = "image/png"
    ) -> None:
        """Keep a picture; an earlier one is replaced, so that doing it again is harmless.

        Args:
            plant: of the photo.
            day: the UTC day of its shutter (`day_of`).
            image: id of the photo's event.
            name: which picture of it.
            data: encoded.
            mediatype: of `data`, e.g. `image/jpeg`.

        Raises:
            ValueError: the plant is no name of a plant, or the media type none of a picture.
            StoreUnavailable: the store cannot be written.
        """
        suffix = _SUFFIXES.get(mediatype)
        if suffix is None:
            raise ValueError(f"{mediatype!r} is no media type of a picture; known are {', '.join(_SUFFIXES)}")
        folder = self._folder(plant, day, image)
        with self._files.faults():
            self._files.write(f"{folder}/{_checked(name)}.{suffix}", data)

    def get(self, plant: str, day: date, image: str, name: EvidenceName) -> bytes | None:
        """A picture as it was put; None where there is none, or none any more.

        Raises:
            ValueError: the plant is no name of a plant.
            StoreUnavailable: the store does not answer, or is not there.
        """
        folder = self._folder(plant, day, image)
        wanted = _checked(name)
        for found in self._files.names(folder):
            stem, _, suffix = found.partition(".")
            if stem == wanted and suffix in _SUFFIXES.values():
                with self._files.faults():
                    try:
                        data: bytes = self._files.system.cat_file(f"{folder}/{found}")
                    except FileNotFoundError:  # expired between the two looks
                        return None
                    return data
        return None

    def expire(self, before: date) -> int:
        """Remove the pictures of all days before `before`; answers of how many photos.

        Raises:
            StoreUnavailable: the store does not answer; what was not removed yet is at the next time.
        """
        removed = 0
        top = self._files.path(FOLDER)
        for plant in self._files.names(top):
            for day in self._files.names(f"{top}/{plant}"):
                if _DAY.fullmatch(day) and day < before.isoformat():
                    removed += len(self._files.names(f"{top}/{plant}/{day}"))
                    self._remove(f"{top}/{plant}/{day}")
        return removed

    def _remove(self, folder: str) -> None:
        with self._files.faults():
            try:
                self._files.system.rm(folder, recursive=True)
            except FileNotFoundError:
                return  # another process was quicker

    def _folder(self, plant: str, day: date, image: str) -> str:
        try:
            _PLANT.validate_python(plant)
        except ValidationError:
            raise ValueError(f"{plant!r} is no name of a plant") from None
        return self._files.path(FOLDER, plant, day.isoformat(), hashlib.sha256(image.encode()).hexdigest())


def _checked(name: str) -> str:
    if name not in get_args(EvidenceName):
        raise ValueError(f"{name!r} is none of {', '.join(get_args(EvidenceName))}")
    return name
