"""What docs/wire-a-camera.md tells line engineers to type works as it stands there."""

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from shared.bus.reader import EventReader
from shared.bus.settings import BusSettings
from shared.events import PartImage, now

pytestmark = pytest.mark.kafka
PAGE = Path(__file__).parents[3] / "docs" / "wire-a-camera.md"


def test_the_producer_on_the_page_sends_a_photo(bus: BusSettings, tmp_path: Path) -> None:
    """The Python program, run word for word but for Kafka's address, puts a valid photo event on the topic."""
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert "kafka:9092" in program
    buffer = io.BytesIO()
    Image.new("RGB", (32, 24)).save(buffer, "JPEG")
    (tmp_path / "photo.jpg").write_bytes(buffer.getvalue())
    since = now()
    with_address = program.replace("kafka:9092", bus.bootstrap_servers)
    subprocess.run([sys.executable, "-c", with_address], cwd=tmp_path, check=True, timeout=60)
    with EventReader(bus, (PartImage,), start=since) as reader:
        events = [event for _, event in reader.read_to_end()]
    (photo,) = [e for e in events if isinstance(e, PartImage) and e.source == "/munich/line-1/camera-3"]
    assert (photo.part, photo.plant, photo.camera, photo.pixels) == (
        "4711-000123",
        "munich",
        "stationary",
        buffer.getvalue(),
    )


def test_the_page_names_every_header() -> None:
    """No attribute of a photo is left out of the table, and none stands there that does not exist."""
    named = set(re.findall(r"`ce_([a-z0-9]+)`", PAGE.read_text(encoding="utf-8")))
    fields = PartImage.model_fields.keys() - {"pixels", "mediatype"}
    assert named - {"specversion", "type", "plnat"} == fields
