"use strict";
(() => {
  const find = (id) => document.getElementById(id);

  // Copying: the clipboard's own interface where it may be used, else a selection.
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const box = document.createElement("textarea");
      box.value = text;
      document.body.append(box);
      box.select();
      const is_copied = document.execCommand("copy");
      box.remove();
      return is_copied;
    }
  };
  for (const button of document.querySelectorAll(".copy")) {
    button.addEventListener("click", async () => {
      const is_copied = await copy(button.dataset.copy);
      button.focus();
      button.textContent = is_copied ? "Copied" : "Failed";
      find("copied").textContent = is_copied ? `Copied: ${button.dataset.copy}` : "Copying failed.";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  }

  const board = find("board");
  if (!board) return;
  const body = board.tBodies[0];
  const rows = [...body.rows];
  const heads = [...board.tHead.rows[0].cells];
  const [filter, kind, agent, status, sort, count] =
    ["filter", "kind", "agent", "status", "sort", "count"].map(find);
  const boxes = [...find("columns").querySelectorAll("input")];
  const first_shown = boxes.filter((box) => box.checked).map((box) => box.value).join(",");
  const first_sorted = heads.findIndex((head) => head.hasAttribute("aria-sort"));
  let sorted = { column: first_sorted, descending: false };

  const compare = (a, b) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    const numbers = [Number(a), Number(b)];
    return numbers.some(Number.isNaN) ? a.localeCompare(b, "en") : numbers[0] - numbers[1];
  };

  const order = (column, descending) => {
    sorted = { column, descending };
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[column].setAttribute("aria-sort", descending ? "descending" : "ascending");
    sort.value = String(column);
    // At first the rows are ranked: answers above dmax and those without a figure come last.
    body.append(...(column === first_sorted && !descending ? rows : [...rows].sort((a, b) => {
      const [x, y] = [a.cells[column].dataset.key, b.cells[column].dataset.key];
      // What is missing stays last, whichever way.
      return descending && x !== "" && y !== "" ? compare(y, x) : compare(x, y);
    })));
  };

  // The first measurement of a task that fits the filters is drawn large, and named.
  const showTask = (task, fitting) => {
    const entries = [...task.querySelectorAll(".one")].filter((entry) => fitting.has(entry.dataset.row));
    task.hidden = entries.length === 0;
    if (task.hidden) return false;
    for (const mark of task.querySelectorAll("summary .mark")) {
      mark.classList.toggle("best", mark.dataset.row === entries[0].dataset.row);
    }
    for (const part of [".who", ".value"]) {
      const nodes = [...entries[0].querySelector(part).childNodes].map((node) => node.cloneNode(true));
      task.querySelector(`summary ${part}`).replaceChildren(...nodes);
    }
    return true;
  };

  const show = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fitting = new Set();
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const fits = words.every((word) => text.includes(word)) &&
        (!kind.value || row.dataset.kind === kind.value) &&
        (!agent.value || row.dataset.agent === agent.value) &&
        (!status.value || row.dataset.status === status.value);
      row.hidden = !fits;
      if (fits) fitting.add(row.dataset.row);
    }
    for (const part of document.querySelectorAll("#ranking ~ * [data-row]")) {
      part.toggleAttribute("hidden", !fitting.has(part.dataset.row));
    }
    for (const list of document.querySelectorAll("ul.short")) {
      list.previousElementSibling.hidden = !list.querySelector("li:not([hidden])");
    }
    const tasks = [...document.querySelectorAll(".task")].map((task) => showTask(task, fitting));
    if (find("nothing")) find("nothing").hidden = tasks.some(Boolean);
    count.textContent = `${fitting.size} of ${rows.length} rows`;
  };

  const showColumns = () => {
    const shown = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    heads.forEach((head, column) => {
      const is_hidden = column > 0 && head.dataset.heading !== undefined && !shown.has(head.dataset.heading);
      head.hidden = is_hidden;
      for (const row of rows) row.cells[column].hidden = is_hidden;
    });
  };

  // What is chosen stands in the part of the address behind #, so that it can be sent to others.
  const write = () => {
    const columns = boxes.filter((box) => box.checked).map((box) => box.value).join(",");
    const chosen = {
      text: filter.value, kind: kind.value, agent: agent.value, status: status.value,
      columns: columns === first_shown ? "" : columns,
      sort: sorted.column === first_sorted && !sorted.descending ? "" :
        `${sorted.descending ? "-" : ""}${heads[sorted.column].dataset.heading}`,
    };
    const address = new URLSearchParams(Object.entries(chosen).filter(([, value]) => value));
    history.replaceState(null, "", address.size ? `#${address}` : location.pathname);
  };

  const read = () => {
    if (location.hash && !location.hash.includes("=")) return;
    const address = new URLSearchParams(location.hash.slice(1));
    filter.value = address.get("text") ?? "";
    for (const box of [kind, agent, status]) {
      const wanted = address.get(box.id) ?? "";
      box.value = [...box.options].some((option) => option.value === wanted) ? wanted : "";
    }
    const columns = (address.get("columns") || first_shown).split(",");
    for (const box of boxes) box.checked = columns.includes(box.value);
    const wanted = address.get("sort") ?? "";
    const column = heads.findIndex((head) => head.dataset.heading === wanted.replace(/^-/, ""));
    order(column < 0 ? first_sorted : column, column >= 0 && wanted.startsWith("-"));
    showColumns();
    show();
  };

  const change = (update) => () => { update(); write(); };
  heads.forEach((head, column) => head.querySelector("button")?.addEventListener("click",
    change(() => order(column, head.getAttribute("aria-sort") === "ascending"))));
  sort.addEventListener("change", change(() => order(Number(sort.value), false)));
  for (const control of [filter, kind, agent, status]) control.addEventListener("input", change(show));
  for (const box of boxes) box.addEventListener("change", change(showColumns));
  const form = find("controls");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(change(show)));
  window.addEventListener("hashchange", read);
  read();
})();
