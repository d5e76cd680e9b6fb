"use strict";
(() => {
  const board = document.getElementById("board");
  if (!board) return;
  const body = board.tBodies[0];
  const rows = [...body.rows];
  const heads = [...board.tHead.rows[0].cells];
  const [filter, kind, status, sort, count] =
    ["filter", "kind", "status", "sort", "count"].map((id) => document.getElementById(id));

  const compare = (a, b) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    const numbers = [Number(a), Number(b)];
    return numbers.some(Number.isNaN) ? a.localeCompare(b, "en") : numbers[0] - numbers[1];
  };

  const order = (column, descending) => {
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[column].setAttribute("aria-sort", descending ? "descending" : "ascending");
    sort.value = String(column);
    const sorted = [...rows].sort((a, b) => {
      const [x, y] = [a.cells[column].dataset.key, b.cells[column].dataset.key];
      // What is missing stays last, whichever way.
      return descending && x !== "" && y !== "" ? compare(y, x) : compare(x, y);
    });
    body.append(...sorted);
  };

  const show = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const fits = words.every((word) => text.includes(word)) &&
        (!kind.value || row.dataset.kind === kind.value) &&
        (!status.value || row.dataset.status === status.value);
      row.hidden = !fits;
      shown += fits;
    }
    count.textContent = `${shown} of ${rows.length} rows`;
  };

  heads.forEach((head, column) => head.querySelector("button")?.addEventListener("click", () =>
    order(column, head.getAttribute("aria-sort") === "ascending")));
  sort.addEventListener("change", () => order(Number(sort.value), false));
  document.getElementById("controls").addEventListener("submit", (event) => event.preventDefault());
  for (const control of [filter, kind, status]) control.addEventListener("input", show);
  show();
})();
