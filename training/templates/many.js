"use strict";
const body = document.querySelector("tbody");
const heads = [...document.querySelectorAll("th")];
const value = (row, column) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
function compare(a, b) {
  if (a === b) return 0;
  if (a === "" || b === "") return a === "" ? 1 : -1;
  const difference = Number(a) - Number(b);
  return Number.isNaN(difference) ? a.localeCompare(b, "en", { numeric: true }) : difference;
}
heads.forEach((head, column) => {
  head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...body.rows];
    // What has no figure stays below, whichever way the others go.
    rows.sort((one, two) => {
      const [a, b] = [value(one, column), value(two, column)];
      return a === "" || b === "" || !down ? compare(a, b) : compare(b, a);
    });
    body.append(...rows);
  });
});
