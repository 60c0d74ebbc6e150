"""From a plan to versions: what is expanded, and that every mistake is one line with the entry's name."""

import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.many.expand import Wanted, expand
from training.many.plan import PlanRejected, read_plan

MATRIX = """
[defaults]
kind = "patchcore"
height = 320
author = "ada"
data_root = "photos"
options = { coreset_ratio = 0.05 }

[matrix]
plant = ["munich", "graz"]
layout = ["us", "jp"]
camera = ["stationary", "mobile"]

[[version]]
for_each = ["plant", "layout", "camera"]
exclude = [{ plant = "graz", layout = ["jp"] }]
name = "{plant}-{layout}-{camera}-1"
place = "{plant}/*/*/{layout}/{camera}"
data = "{plant}"
layouts = ["{layout}"]
cameras = ["{camera}"]
if_photos = 50

[[version]]
name = "lab-1"
place = "lab/bench"
data = "/srv/lab"
kind = "padim"
options = {}
author = "grace"
parent = "lab-0"
"""
ENTRY = '[[version]]\nname = "a-1"\nplace = "a/b"\ndata = "d"\n'


def _plan(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _expanded(tmp_path: Path, text: str) -> tuple[Wanted, ...]:
    return expand(read_plan(_plan(tmp_path, text)), author="nobody")


def _mistakes(tmp_path: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(PlanRejected) as caught:
        _expanded(tmp_path, text)
    assert not any("\n" in line for line in (str(caught.value), *caught.value.mistakes))
    return caught.value.mistakes


def test_a_matrix_is_expanded(tmp_path: Path) -> None:
    """The last axis runs fastest, exclusions are left out, patterns are filled in wherever they stand."""
    wanted = _expanded(tmp_path, MATRIX)
    assert [one.order.version for one in wanted] == [
        "munich-us-stationary-1",
        "munich-us-mobile-1",
        "munich-jp-stationary-1",
        "munich-jp-mobile-1",
        "graz-us-stationary-1",
        "graz-us-mobile-1",
        "lab-1",
    ]
    one = wanted[3]
    assert str(one.order.place) == "munich/*/*/jp/mobile"
    assert (one.data, one.if_photos, one.order.author) == (tmp_path / "photos" / "munich", 50, "ada")
    assert (one.order.spec.layouts, one.order.spec.cameras) == (("jp",), ("mobile",))
    assert (one.order.spec.kind, one.order.spec.height, one.order.spec.options) == (
        "patchcore",
        320,
        {"coreset_ratio": 0.05},
    )


def test_an_entry_outweighs_the_defaults(tmp_path: Path) -> None:
    """Field by field; a table as a whole, since the options of one method are none of another's."""
    lab = _expanded(tmp_path, MATRIX)[-1]
    assert (lab.order.spec.kind, lab.order.spec.options, lab.order.spec.height) == ("padim", {}, 320)
    assert (lab.order.author, lab.order.parent, lab.data, lab.if_photos) == ("grace", "lab-0", Path("/srv/lab"), 0)


def test_without_author_it_is_the_caller(tmp_path: Path) -> None:
    """And the data lie beside the plan."""
    (one,) = _expanded(tmp_path, ENTRY)
    assert (one.order.author, one.data) == ("nobody", tmp_path / "d")


@given(
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    excluded=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=3),
)
def test_as_many_versions_as_combinations(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], excluded: list[tuple[int, int]]
) -> None:
    """The product of the axes less the excluded ones, each name once."""
    axes = {string.ascii_lowercase[i]: [f"{i}{j}" for j in range(size)] for i, size in enumerate(sizes)}
    left_out = [(list(axes)[i], axes[list(axes)[i]][j]) for i, j in excluded if i < len(sizes) and j < sizes[i]]
    matrix = "\n".join(f"{axis} = {values!r}" for axis, values in axes.items())
    exclude = ", ".join(f"{{ {axis} = {value!r} }}" for axis, value in left_out)
    name = "v-" + "-".join(f"{{{axis}}}" for axis in axes)
    text = (
        f"[matrix]\n{matrix}\n[[version]]\nfor_each = {list(axes)!r}\nexclude = [{exclude}]\n"
        f'name = "{name}"\nplace = "p"\ndata = "d"\n'
    )
    left = 1
    for axis, values in axes.items():
        left *= len(values) - len({v for a, v in left_out if a == axis})
    path = tmp_path_factory.mktemp("plan")
    if left == 0:
        assert _mistakes(path, text) == ("every combination is excluded",)
        return
    names = [one.order.version for one in _expanded(path, text)]
    assert len(names) == len(set(names)) == left


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("name = ", "not TOML"),
        ("", "version is missing"),
        ("[[versoin]]\nname='a'\n" + ENTRY, "there is no field 'versoin' (did you mean 'version'?)"),
        ("[defaults]\nheigth = 1\n" + ENTRY, "[defaults]: there is no field 'heigth' (did you mean 'height'?)"),
        (ENTRY + "heigth = 64\n", "a-1: there is no field 'heigth' (did you mean 'height'?)"),
        (ENTRY + 'height = "64"\n', "a-1: height: Input should be a valid integer"),
        (ENTRY + "height = 8\n", "a-1: height: Input should be greater than or equal to 32"),
        (ENTRY + 'layouts = ["No Slug"]\n', "a-1: layouts.0: String should match"),
        (ENTRY + "note = 2026-11-24\n", "a-1: note: Input should be a valid string"),
        (ENTRY + 'rule = "magic"\n', "a-1: rule: there is no rule 'magic'"),
        (ENTRY + 'crop = "none"\nreference = "learn"\n', "a-1: reference: learn goes with crop mask_rcnn only"),
        (ENTRY.replace("a/b", "A B"), "a-1: place.plant: String should match"),
        (ENTRY.replace('"a-1"', '"A 1"'), "A 1: name: String should match"),
        (ENTRY.replace('name = "a-1"\n', ""), "version 1: name is missing"),
        (ENTRY.replace('data = "d"\n', ""), "a-1: data is missing"),
        (ENTRY + ENTRY, "a-1: two entries make a version of this name"),
        (ENTRY + 'for_each = ["plant"]\n', "a-1: for_each: there is no axis 'plant'"),
        (ENTRY + "for_each = 3\n", "a-1: for_each: Input should be a valid list"),
        (ENTRY.replace('"d"', '"{plant}"'), "a-1: data: there is no axis 'plant'"),
        (ENTRY.replace('"d"', '"{plant"'), "a-1: data: a brace of '{plant' has no partner"),
        ('[matrix]\nplant = ["m"]\n' + ENTRY.replace('"d"', '"{plant}"'), "a-1: data: {plant} is not in for_each"),
        ('[matrix]\nplant = ["m", "m"]\n' + ENTRY, "[matrix]: plant has 'm' twice"),
        ("[matrix]\nplant = []\n" + ENTRY, "matrix.plant: List should have at least 1 item"),
        (
            '[matrix]\nplant = ["m", "n"]\n' + ENTRY + 'for_each = ["plant"]\n',
            "a-1: 2 versions would be called a-1; the name leaves out {plant}",
        ),
        (
            '[matrix]\nplant = ["munich"]\n' + ENTRY + 'for_each = ["plant"]\nexclude = [{plant = "munick"}]\n',
            "a-1: exclude: there is no plant 'munick' (did you mean 'munich'?)",
        ),
        (
            '[matrix]\nplant = ["m"]\n' + ENTRY + 'for_each = ["plant"]\nexclude = [{layout = "us"}]\n',
            "a-1: exclude: 'layout' is not in for_each",
        ),
        (
            '[matrix]\nplant = ["m"]\n' + ENTRY + 'for_each = ["plant"]\nexclude = [{}]\n',
            "a-1: exclude: an empty table would leave everything out",
        ),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, text: str, mistake: str) -> None:
    """With the name of the entry, and with what was perhaps meant."""
    (line,) = _mistakes(tmp_path, text)
    assert line.startswith(mistake)


def test_a_mistake_of_a_pattern_is_told_once(tmp_path: Path) -> None:
    """However many versions it spoils; others are told beside it."""
    text = MATRIX.replace("height = 320", "height = 8").replace('parent = "lab-0"', "parent = 5\nheight = 64")
    first, second = _mistakes(tmp_path, text)
    assert first == (
        "munich-us-stationary-1: height: Input should be greater than or equal to 32 "
        "(and so 5 more of {plant}-{layout}-{camera}-1)"
    )
    assert second == "lab-1: parent: Input should be a valid string"


def test_a_plan_that_is_not_there(tmp_path: Path) -> None:
    """One line."""
    with pytest.raises(PlanRejected, match="cannot be read: No such file"):
        read_plan(tmp_path / "gone.toml")


def test_the_plan_of_the_docs(tmp_path: Path) -> None:
    """It can be used, and comes to as many versions as the page says."""
    page = (Path(__file__).parents[4] / "docs" / "train-many.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```toml\n(.*?)```", page, flags=re.DOTALL)
    wanted = _expanded(tmp_path, text)
    assert f"{len(wanted)} versions" in page
    assert {one.order.spec.kind for one in wanted} == {"patchcore", "padim"}
