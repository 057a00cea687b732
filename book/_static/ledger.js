// The ledger: buttons that sort its table and keep the rows of one outcome. Without JavaScript the table is whole.
document.addEventListener("DOMContentLoaded", () => {
  for (const ledger of document.querySelectorAll("div.ledger")) {
    const body = ledger.querySelector("tbody");
    const rows = [...body.rows];
    const bar = document.createElement("div");
    bar.className = "ledger-bar";
    const status = document.createElement("output");

    const field = document.createElement("input");
    field.type = "search";
    field.placeholder = "filter by a word";
    field.setAttribute("aria-label", "Show only claims with this word");

    const choice = document.createElement("select");
    choice.setAttribute("aria-label", "Show only claims with this outcome");
    for (const outcome of ["every outcome", ...new Set(rows.map((row) => row.dataset.outcome))]) {
      choice.add(new Option(outcome));
    }

    const order = document.createElement("select");
    order.setAttribute("aria-label", "Order of the claims");
    for (const name of ["by claim", "by outcome"]) order.add(new Option(name));

    const update = () => {
      const word = field.value.trim().toLowerCase();
      let seen = 0;
      for (const row of rows) {
        const outcome = choice.selectedIndex === 0 || row.dataset.outcome === choice.value;
        row.hidden = !outcome || !row.textContent.toLowerCase().includes(word);
        seen += !row.hidden;
      }
      const ordered = order.selectedIndex
        ? [...rows].sort((a, b) => a.dataset.outcome.localeCompare(b.dataset.outcome)) // stable: claims keep their order
        : rows;
      body.append(...ordered);
      status.textContent = `${seen} of ${rows.length} claims`;
    };

    for (const control of [field, choice, order]) control.addEventListener("input", update);
    bar.append(field, choice, order, status);
    ledger.prepend(bar);
    update();
  }
});
