"""A person who has no mouse."""

from typing import Final

from playwright.sync_api import Locator, expect

MOST_STEPS: Final = 150
_FOCUSED: Final = "element => element === document.activeElement"
_VISIBLY: Final = """element => {
  const style = getComputedStyle(element);
  return element.matches(":focus-visible") && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
}"""


def tab_to(target: Locator, *, key: str = "Tab") -> None:
    """Press Tab until `target` has the focus, and see that it shows it."""
    expect(target).to_be_visible()
    for _ in range(MOST_STEPS):
        if target.evaluate(_FOCUSED):
            assert target.evaluate(_VISIBLY), f"the focus on {target} is not to be seen"
            return
        target.page.keyboard.press(key)
    raise AssertionError(f"{target} is not reached within {MOST_STEPS} steps")


def press(target: Locator, key: str = "Enter") -> None:
    """Go to `target` and press a key there."""
    tab_to(target)
    target.page.keyboard.press(key)
