"""Of the page `line`."""
