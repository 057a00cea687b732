// Formulas: KaTeX draws what Sphinx leaves between \( \) and \[ \]. Without JavaScript the TeX itself can be read.
document.addEventListener("DOMContentLoaded", () => {
  const SHORT = 160; // pixels of a formula that need not break itself
  for (const place of document.querySelectorAll(".math.notranslate")) {
    const source = [...place.childNodes].find((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!source) continue;
    const displayMode = source.data.trim().startsWith("\\[");
    const drawn = document.createElement("span");
    try {
      katex.render(source.data.trim().slice(2, -2), drawn, { displayMode });
      source.replaceWith(drawn);
      drawn.className = displayMode ? "formula" : "";
      const next = place.nextSibling;
      if (!displayMode && drawn.offsetWidth < SHORT && next?.nodeType === Node.TEXT_NODE && /^[.,;:!?)]/.test(next.data)) {
        const together = document.createElement("span"); // no line begins with a full stop
        together.style.whiteSpace = "nowrap";
        next.splitText(1);
        place.replaceWith(together);
        together.append(place, next);
      }
    } catch (error) {
      console.error(`${error.message} (formula ${source.data.trim()})`);
    }
  }
});
