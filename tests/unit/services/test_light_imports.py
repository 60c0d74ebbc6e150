"""Only who scores loads torch: everybody else starts in a moment and stays small."""

import subprocess
import sys

LIGHT = ("gateway", "labels", "rollout", "archive", "alert", "notify", "console")


def test_services_that_do_not_score_load_no_torch() -> None:
    """All in one fresh process, since this one has loaded it long ago."""
    imports = "; ".join(f"import services.{name}.main" for name in LIGHT)
    asked = f"import sys; {imports}; print([name for name in ('torch', 'sklearn', 'faiss') if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=120, check=True)
    assert told.stdout.strip() == "[]"
