"""Of the page `fails`."""
