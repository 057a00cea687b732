// What scrolls by itself, as a wide table does, is reached by the Tab key and has a name, so that no mouse is needed.
addEventListener("load", () => {
  const names = { PRE: "Code", TABLE: "Table", MATH: "Formula" };
  const places = document.querySelectorAll(
    "article pre, article .pst-scrollable-table-container, article .cell_output .output, article .katex-display",
  );
  const watch = new ResizeObserver(() => {
    for (const place of places) {
      const scrolls =
        getComputedStyle(place).overflowX !== "visible" &&
        (place.scrollWidth > place.clientWidth + 1 || place.scrollHeight > place.clientHeight + 1);
      if (!scrolls) {
        if (place.dataset.scrolls) ["tabindex", "role", "aria-label", "data-scrolls"].forEach((n) => place.removeAttribute(n));
      } else if (!place.dataset.scrolls) {
        const inside = place.matches("pre") ? "PRE" : place.querySelector("table, math")?.tagName.toUpperCase();
        place.dataset.scrolls = "true";
        place.setAttribute("tabindex", "0");
        place.setAttribute("role", "group");
        place.setAttribute("aria-label", `${names[inside] ?? "Output"}, scrolls sideways`);
      }
    }
  });
  places.forEach((place) => watch.observe(place));
});
