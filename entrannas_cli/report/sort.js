// Make result tables sortable by clicking their headings; without it they are plain tables.
"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  if (body.rows.length < 2) continue;
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const rows = [...body.rows].map((row) => {
        const text = row.cells[column].textContent.trim();
        return { row, text, number: parseFloat(text), missing: text === "–" };
      });
      const numeric = head.classList.contains("number");
      rows.sort((a, b) => {
        if (a.missing || b.missing) return a.missing - b.missing;
        const order = numeric ? a.number - b.number : a.text.localeCompare(b.text, "en", { numeric: true });
        return descending ? -order : order;
      });
      body.append(...rows.map(({ row }) => row));
    });
  });
}
