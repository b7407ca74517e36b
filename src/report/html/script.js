"use strict";
// Sorting: every header of a table marked for it becomes a button.
document.querySelectorAll("table[data-sortable]").forEach((table) => {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const value = (row, column) => {
    const cell = row.cells[column];
    return "sort" in cell.dataset ? (cell.dataset.sort === "" ? NaN : Number(cell.dataset.sort)) : cell.textContent.trim();
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    if (!button.textContent.trim()) return;
    head.append(button);
    button.addEventListener("click", () => {
      const number = head.classList.contains("number");
      const first = number ? "descending" : "ascending";
      const second = number ? "ascending" : "descending";
      const order = head.getAttribute("aria-sort") === first ? second : first;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const rows = [...body.rows].map((row, place) => ({ row, place, key: value(row, column) }));
      rows.sort((a, b) => {
        if (typeof a.key === "number" && typeof b.key === "number") {
          // What is not known stands last either way.
          if (isNaN(a.key) || isNaN(b.key)) return isNaN(a.key) - isNaN(b.key) || a.place - b.place;
          return sign * (a.key - b.key) || a.place - b.place;
        }
        return sign * String(a.key).localeCompare(String(b.key)) || a.place - b.place;
      });
      body.append(...rows.map((entry) => entry.row));
    });
  });
});
// Filtering: a field for every block marked for it, hiding what does not hold the words.
document.querySelectorAll("[data-filter]").forEach((block, place) => {
  const items = () => [...block.querySelectorAll(block.dataset.filter)];
  const label = document.createElement("label");
  const input = document.createElement("input");
  const count = document.createElement("span");
  const wrap = document.createElement("div");
  wrap.className = "filter";
  input.type = "search";
  input.id = "filter-" + place;
  label.htmlFor = input.id;
  label.textContent = "Filter " + block.dataset.what;
  count.setAttribute("role", "status");
  wrap.append(label, input, count);
  block.before(wrap);
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    const all = items();
    all.forEach((item) => {
      const text = item.textContent.toLowerCase();
      item.hidden = !words.every((word) => text.includes(word));
      shown += item.hidden ? 0 : 1;
    });
    count.textContent = words.length ? shown + " of " + all.length : "";
  });
});
// Everything is on paper.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => { each.open = true; }));
